"""The invariants of a service, checked from outside: what it holds against what it has acknowledged."""

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.parts.eventually import eventually
from tests.parts.mail_server import MailServer, ReceivedLetter
from tests.parts.service import Service
from tests.parts.storage import blobs, rows

GONE = ("erasing", "erased", "infected")


@dataclass
class Acknowledged:
    """What clients know: offsets and whole files that were acknowledged, and secrets that must not be stored.

    Uploads are named by their tus id, the last part of their address.
    """

    offsets: dict[str, int] = field(default_factory=dict)
    whole: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    mail_server: MailServer | None = None

    def offset(self, upload: str, count: int) -> None:
        """A 204 acknowledged it; an older response never lowers a newer one."""
        name = upload.rstrip("/").rpartition("/")[2]
        self.offsets[name] = max(count, self.offsets.get(name, 0))

    def finished(self, upload: str, content: bytes) -> None:
        """The last byte was acknowledged."""
        name = upload.rstrip("/").rpartition("/")[2]
        self.offset(upload, len(content))
        self.whole[name] = hashlib.sha256(content).hexdigest()


def check_invariants(service: Service, acknowledged: Acknowledged | None = None) -> None:
    """Every invariant, by `filsluss reconcile` and by what was acknowledged; shows all violations at once."""
    said = service.run("reconcile", "--dry-run", "--checksums", check=False, seconds=1200).stdout
    found = [] if said.startswith("Blob store and database agree") else said.splitlines()
    if acknowledged is not None:
        found += [
            *acknowledged_bytes(service, acknowledged),
            *reservations(service),
            *letters(service, acknowledged),
            *secrets(service, acknowledged),
        ]
    found += faults(service)
    assert not found, "\n".join(found)


def acknowledged_bytes(service: Service, acknowledged: Acknowledged) -> list[str]:
    """I1 and I2: an acknowledged byte is there until its file is gone, and is the byte that was sent."""
    files = {
        name: (state, because, sha256)
        for name, state, because, sha256 in rows(
            service, "SELECT upload_id, state, erased_because, sha256 FROM filsluss_transferfile"
        )
    }
    here, found = blobs(service), []
    for name, offset in acknowledged.offsets.items():
        state, because, sha256 = files.get(name, ("lost", "", ""))
        if state in GONE:
            found += [f"I1 {name} is {because}: its bytes were lost"] if because == "damaged" else []
        elif name not in here or here[name].stat().st_size < offset:
            found.append(f"I1 {name} ({state}): {offset} bytes were acknowledged and are not all there")
        elif name in acknowledged.whole and state == "uploading":
            found.append(f"I2 {name} was acknowledged whole and is still uploading")
        elif name in acknowledged.whole and sha256 not in ("", acknowledged.whole[name]):
            found.append(f"I2 {name} is ready with other bytes than were sent")
    return found


def reservations(service: Service) -> list[str]:
    """I10: an unfinished upload has room for what was acknowledged."""
    asked = "SELECT upload_id, arrived, acknowledged FROM filsluss_transferfile WHERE state = 'uploading'"
    return [
        f"I10 {name}: room for {arrived} bytes, and {acknowledged} were acknowledged"
        for name, arrived, acknowledged in rows(service, asked)
        if arrived < acknowledged
    ]


def letters(service: Service, acknowledged: Acknowledged) -> list[str]:
    """I3 to I5 and I8: what arrived is what was queued, to whom it belongs, once."""
    if acknowledged.mail_server is None:
        return []
    parties: defaultdict[str, set[str]] = defaultdict(set)
    for name, address, mailbox in rows(
        service,
        "SELECT t.public_id, p.address, p.canonical FROM filsluss_transfer t"
        " JOIN filsluss_party p ON p.transfer_id = t.id",
    ):
        parties[name] |= {address, mailbox}
    administrators = set(service.env.get("FILSLUSS_ADMIN_EMAIL", "").split(","))
    written = {name for (name,) in rows(service, "SELECT message_id FROM filsluss_letter")}
    sent = {
        name for (name,) in rows(service, "SELECT message_id FROM filsluss_letter WHERE delivery = 'sent'")
    }
    arrived = Counter(identity(letter) for letter in acknowledged.mail_server.letters)
    ours = [
        letter
        for letter in acknowledged.mail_server.letters
        if letter.transfer in parties or letter.kind == "alarm"
    ]
    return [
        *(
            f"I4 {letter.kind} of {letter.transfer} came to {letter.to}"
            for letter in ours
            if not set(letter.to) <= parties.get(letter.transfer, set()) | administrators
        ),
        *(
            f"I3 {letter.kind} came and was never written"
            for letter in ours
            if identity(letter) not in written
        ),
        *(f"I3 {name} counts as sent and never came" for name in sent - set(arrived)),
    ]


def identity(letter: ReceivedLetter) -> str:
    return str(letter.message["Message-ID"]).strip()


def secrets(service: Service, acknowledged: Acknowledged) -> list[str]:
    """I14 and I16: no secret in the log, none in the data folder once it should be gone."""
    found, log = [], service.log_text()
    everything = b"".join(path.read_bytes() for path in service.data_dir.rglob("*") if path.is_file())
    for secret in acknowledged.secrets:
        found += [f"I14 the log holds {secret[:6]}…"] if secret in log else []
        found += [f"I16 the data folder holds {secret[:6]}…"] if secret.encode() in everything else []
    return found


def faults(service: Service) -> list[str]:
    """I14: the service has logged no error of its own."""
    return ["I14 a traceback in the log"] if "Traceback" in service.log_text() else []


def wait_until_idle(service: Service, seconds: float = 180, *, letters: bool = True) -> None:
    """I15: waits until no letter is due and no file in a transient state; for as long as something changes.

    A letter whose claimant was killed may have its second try before it; one that waits for more is left.
    """
    due = "SELECT key, 1 FROM filsluss_letter WHERE delivery = 'queued' AND tries < 2"
    transient = "('received', 'scanning', 'infected', 'erasing')"

    def busy() -> list[tuple[object, ...]]:
        return [
            *(rows(service, due) if letters else ()),
            *rows(service, f"SELECT public_id, 1 FROM filsluss_transferfile WHERE state IN {transient}"),
            *rows(service, "SELECT public_id, 1 FROM filsluss_transfer WHERE state = 'closing'"),
        ]

    eventually(busy, lambda found: not found, seconds=seconds, interval=0.2, while_it_changes=True)

"""The world as it should be, seen from outside: what a house holds against all that it told anybody."""

import hashlib
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.parts.house import House
from tests.parts.post import Arrived, Post
from tests.parts.rows import blobs, rows

GONE = ("erasing", "erased", "infected")


@dataclass
class Told:
    """What the outside knows: offsets and whole files that were acknowledged, and secrets nobody may find.

    Uploads are named by their tus id, the last part of their address.
    """

    offsets: dict[str, int] = field(default_factory=dict)
    whole: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    post: Post | None = None

    def offset(self, upload: str, count: int) -> None:
        """A 204 said so; an older word never takes back a newer one."""
        name = upload.rstrip("/").rpartition("/")[2]
        self.offsets[name] = max(count, self.offsets.get(name, 0))

    def finished(self, upload: str, content: bytes) -> None:
        """The last byte was acknowledged."""
        name = upload.rstrip("/").rpartition("/")[2]
        self.offset(upload, len(content))
        self.whole[name] = hashlib.sha256(content).hexdigest()


def verify_world(house: House, told: Told | None = None) -> None:
    """Every invariant, by the house's own word and by what it told; all that is wrong is shown at once."""
    said = house.run("reconcile", "--dry-run", "--checksums", check=False, seconds=1200).stdout
    found = [] if said.startswith("Everything fits") else said.splitlines()
    if told is not None:
        found += [*kept_promises(house, told), *letters(house, told), *secrets(house, told)]
    found += faults(house)
    assert not found, "\n".join(found)


def kept_promises(house: House, told: Told) -> list[str]:
    """I1 and I2: an acknowledged byte is there until its file is gone, and is the byte that was sent."""
    files = {
        name: (state, because, sha256)
        for name, state, because, sha256 in rows(
            house, "SELECT upload_id, state, erased_because, sha256 FROM filsluss_transferfile"
        )
    }
    here, found = blobs(house), []
    for name, offset in told.offsets.items():
        state, because, sha256 = files.get(name, ("lost", "", ""))
        if state in GONE:
            found += [f"I1 {name} is {because}: its bytes were lost"] if because == "damaged" else []
        elif name not in here or here[name].stat().st_size < offset:
            found.append(f"I1 {name} ({state}): {offset} bytes were acknowledged and are not all there")
        elif name in told.whole and state == "uploading":
            found.append(f"I2 {name} was acknowledged whole and is still uploading")
        elif name in told.whole and sha256 not in ("", told.whole[name]):
            found.append(f"I2 {name} is ready with other bytes than were sent")
    return found


def letters(house: House, told: Told) -> list[str]:
    """I3 to I5 and I8: what arrived is what was queued, to whom it belongs, once."""
    if told.post is None:
        return []
    parties = {
        name: {*addresses}
        for name, *addresses in rows(
            house, "SELECT public_id, sender_email, recipient_email, approver_email FROM filsluss_transfer"
        )
    }
    administrators = set(house.env.get("FILSLUSS_ADMIN_EMAIL", "").split(","))
    written = {name for (name,) in rows(house, "SELECT message_id FROM filsluss_letter")}
    sent = {name for (name,) in rows(house, "SELECT message_id FROM filsluss_letter WHERE delivery = 'sent'")}
    arrived = Counter(identity(letter) for letter in told.post.letters)
    ours = [letter for letter in told.post.letters if letter.transfer in parties or letter.kind == "alarm"]
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


def identity(letter: Arrived) -> str:
    return str(letter.message["Message-ID"]).strip()


def secrets(house: House, told: Told) -> list[str]:
    """I14 and I16: no secret in the log, none in the data folder once it should be gone."""
    found, log = [], house.log_text()
    everything = b"".join(path.read_bytes() for path in house.data_dir.rglob("*") if path.is_file())
    for secret in told.secrets:
        found += [f"I14 the log holds {secret[:6]}…"] if secret in log else []
        found += [f"I16 the data folder holds {secret[:6]}…"] if secret.encode() in everything else []
    return found


def faults(house: House) -> list[str]:
    """I14: the house has spoken of no fault of its own."""
    return ["I14 a traceback in the log"] if "Traceback" in house.log_text() else []


def settle(house: House, seconds: float = 60, *, letters: bool = True) -> None:
    """I15: waits until no letter is due and no file on its way; for as long as something moves.

    A letter that a dead postman held may have its second try before it; one that waits for more is left.
    """
    due = "SELECT key, 1 FROM filsluss_letter WHERE delivery = 'queued' AND tries < 2"
    end = time.monotonic() + seconds
    busy = [("a start", 1)]
    while busy and time.monotonic() < end:
        time.sleep(0.2)
        before = busy
        busy = [
            *(rows(house, due) if letters else ()),
            *rows(
                house,
                "SELECT public_id, 1 FROM filsluss_transferfile"
                " WHERE state IN ('received', 'scanning', 'infected', 'erasing')",
            ),
            *rows(house, "SELECT public_id, 1 FROM filsluss_transfer WHERE state = 'closing'"),
        ]
        if busy != before:
            end = time.monotonic() + seconds
    assert busy == []

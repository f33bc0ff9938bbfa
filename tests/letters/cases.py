"""Every letter the service can write, on fixed rows: kind, recipient, and what happened before."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from filsluss.actions.apply import purposes_of
from filsluss.languages import LANGUAGES
from filsluss.letters import compose, lost_link, request_lists
from filsluss.letters.context import Undelivered
from filsluss.models import Letter, Link, Party, Pickup, Transfer, TransferFile
from filsluss.models.link import FILE_PURPOSES
from filsluss.rules.directions import Direction, Role
from filsluss.rules.lifecycle import FileState, State
from filsluss.rules.policy import Policy
from filsluss.rules.search import fold
from filsluss.rules.tokens import Purpose, digest_of, link_token

ANNA, KARIN = "anna.berg@ltdalarna.se", "karin.lund@ltdalarna.se"
BO, EVA = "bo@rontgen.example", "eva@konsult.example"
KEY = b"k" * 32
CODE = "K7PM-4QXD-9T2V"
TOLD_OF = (FileState.READY, FileState.ERASING, FileState.ERASED)
PARTIES = {
    Direction.OUTBOUND: ("Anna Berg", ANNA, BO, ""),
    Direction.INBOUND: ("Bo Ek", BO, ANNA, ANNA),
    Direction.THROUGH: ("Bo Ek", BO, EVA, KARIN),
}


def example_policy(**own: Any) -> Policy:
    """The policy of Landstinget Dalarna at fts.example.se, with a fixed link key."""
    given = {
        "base_url": "https://fts.example.se",
        "link_keys": (KEY,),
        "support_email": "support@ltdalarna.se",
    }
    return replace(settings.POLICY, **{**given, **own})


def fixed_link(party: Party, purpose: Purpose, now: datetime, file: TransferFile | None = None) -> Link:
    """A link that is the same in every run: `derived_from` and nonce stand for the row."""
    derived_from = file.public_id if file else party.transfer.public_id
    nonce = file.public_id[-1] * 32 if file else "0" * 32
    token = link_token(KEY, purpose=purpose, row=derived_from, nonce=nonce)
    return Link(
        digest=digest_of(token),
        purpose=purpose.value,
        transfer_id=party.transfer_id,
        party=party,
        file=file,
        derived_from=derived_from,
        nonce=nonce,
        made_at=now,
    )


def make_transfer(now: datetime, **own: Any) -> Transfer:
    """A case with its parties and links; `sender_name`, `language` and `proofs` are theirs, the rest its own.

    Sender and approver have a proof, as in most cases that letters tell of, unless `proofs` says otherwise.
    """
    direction = Direction(own.pop("direction", Direction.INBOUND))
    name, *addresses = PARTIES[direction]
    name, language = own.pop("sender_name", name), own.pop("language", "sv")
    proofs = {Role.SENDER: "mailbox", Role.APPROVER: "mailbox", **own.pop("proofs", {})}
    transfer = Transfer(
        public_id="K7PM-4QXD",
        direction=direction.value,
        state=State.OPEN,
        purpose="Ritningar till den nya mottagningen.\n\nSe https://evil.com/x, t.ex. sidan 2.",
        applied_at=now - timedelta(days=1),
        asked_at=now - timedelta(days=1),
        lapse_by=example_policy().end_of(now, 6),
        decided_at=now,
        open_until=example_policy().end_of(now, 7),
    )
    for key, value in own.items():
        setattr(transfer, key, value)
    transfer.save()
    names = {Role.SENDER: name}
    parties = [
        Party.draw(role, name=names.get(role, ""), address=address, language=language)
        for role, address in zip((Role.SENDER, Role.RECIPIENT, Role.APPROVER), addresses, strict=True)
        if address
    ]
    for party in parties:
        party.transfer, party.proof = transfer, proofs.get(Role(party.role), "none")
    Party.objects.bulk_create(parties)
    Link.objects.bulk_create(
        fixed_link(party, purpose, now) for party in parties for purpose in purposes_of(Role(party.role))
    )
    return transfer


def make_file(transfer: Transfer, now: datetime, number: int = 1, **own: Any) -> TransferFile:
    """A ready file with its recipient's links; `fetched_at` and `code_digest` are its pickup's."""
    fetched_at, code_digest = own.pop("fetched_at", None), own.pop("code_digest", None)
    file = TransferFile(
        transfer=transfer,
        public_id=f"FFFF-222{number}",
        upload_id=f"u{number}",
        state=FileState.READY,
        name=f"ritning åäö {number}.pdf",
        size=1_330_000_000,
        sha256=f"{number}" * 64,
        created_at=now,
        active_at=now,
        received_at=now,
        ready_at=now,
    )
    for key, value in own.items():
        setattr(file, key, value)
    file.folded = fold(file.name)
    file.save()
    if file.state in TOLD_OF:
        recipient = transfer.recipient
        Link.objects.bulk_create(fixed_link(recipient, purpose, now, file) for purpose in FILE_PURPOSES)
        Pickup.objects.create(file=file, party=recipient, fetched_at=fetched_at, code_digest=code_digest)
    return file


@dataclass(frozen=True)
class Case:
    """A letter and what happened before it; `file` and `files` are field values of their rows."""

    kind: str
    role: Role
    variant: str = ""
    direction: Direction = Direction.INBOUND
    transfer: dict[str, Any] = field(default_factory=dict)
    file: dict[str, Any] | None = None
    files: tuple[dict[str, Any], ...] = ()
    codes: dict[int, str] = field(default_factory=dict)
    undelivered: Undelivered | None = None
    policy: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return "-".join(filter(None, (self.kind, self.role.value, self.variant)))

    def write(self, language: str, now: datetime) -> Letter:
        transfer = make_transfer(now, direction=self.direction, language=language, **self.transfer)
        letter = compose.write(
            self.kind,
            transfer=transfer,
            role=self.role,
            policy=example_policy(**self.policy),
            now=now,
            file=make_file(transfer, now, 9, **self.file) if self.file is not None else None,
            files=[make_file(transfer, now, n, **own) for n, own in enumerate(self.files, 2)],
            codes={f"FFFF-222{number}": code for number, code in self.codes.items()},
            undelivered=self.undelivered,
        )
        assert letter is not None
        letter.refresh_from_db()
        return letter


@dataclass(frozen=True)
class ListCase(Case):
    """A list of requests: one for each direction in `directions`, of which none was asked before."""

    directions: tuple[Direction, ...] = (Direction.INBOUND, Direction.INBOUND)

    def write(self, language: str, now: datetime) -> Letter:
        policy = example_policy(language=language, **self.policy)
        for number, direction in enumerate(self.directions, 2):
            unasked = dict.fromkeys(("asked_at", "lapse_by", "decided_at", "open_until"))
            own = {"purpose": f"Ritning {number}.", **self.transfer, "state": State.PENDING, **unasked}
            transfer = make_transfer(now, public_id=f"K7PM-444{number}", direction=direction, **own)
            request_lists.collect(transfer, policy=policy, now=now)
        letter = Letter.objects.get(kind=self.kind)
        assert request_lists.close(letter, policy=policy, now=now)
        letter.refresh_from_db()
        return letter


@dataclass(frozen=True)
class LostLinkCase(Case):
    """The links of one mailbox, which has `role` in a case of each direction in `directions`."""

    directions: tuple[Direction, ...] = (Direction.INBOUND,)
    waits: bool = False

    def write(self, language: str, now: datetime) -> Letter:
        parties = []
        for number, direction in enumerate(self.directions, 2):
            waiting = {"state": State.PENDING, "decided_at": None, "open_until": None} if self.waits else {}
            own = {"language": language, **waiting, **self.transfer}
            transfer = make_transfer(now, public_id=f"K7PM-444{number}", direction=direction, **own)
            if self.role is Role.RECIPIENT:
                make_file(transfer, now, number)
            parties.append(transfer.party(self.role))
        letter = lost_link.write(list(filter(None, parties)), policy=example_policy(**self.policy), now=now)
        assert letter is not None
        letter.refresh_from_db()
        return letter


S, R, A = Role.SENDER, Role.RECIPIENT, Role.APPROVER
NO_SUPPORT = {"support_email": ""}
CLOSED = {"closed_reason": "Missbruk av tjänsten."}
BY_ADMINISTRATOR = {
    "removed_by": "administrator",
    "removal_reason": "Säkerhetsrisk: filen innehöll skadlig kod.",
}
BY_SENDER = {"removed_by": "sender"}
REMOVED: tuple[dict[str, Any], ...] = (
    {**BY_ADMINISTRATOR, "erased_because": "removed"},
    {**BY_SENDER, "erased_because": "withdrawn"},
)
AT = datetime.fromisoformat("2026-11-26T08:05:00+01:00")
LIST: tuple[dict[str, Any], ...] = ({"fetched_at": AT}, {}, {"ready_at": None, "sha256": ""})
STRANGER: dict[str, Any] = {"proofs": {Role.SENDER: "none"}, "open_until": None}
UNANSWERED = {"proofs": {Role.SENDER: "none", Role.APPROVER: "none"}, "open_until": None}
CAUSES: tuple[dict[str, Any], ...] = tuple(
    {"state": FileState.ERASED, "erased_because": because, "sha256": ""}
    for because in ("removed", "withdrawn", "damaged", "infected", "ended")
)

CASES = [
    Case("approved", S, "inside", Direction.OUTBOUND),
    Case("approved", S, "by-approver"),
    Case("approved", S, "one-day", transfer={"open_until": example_policy().end_of(AT, -1)}),
    Case("received", S),
    Case("received", S, "no-support", policy=NO_SUPPORT),
    Case("approval-requested", A, "inbound"),
    Case("approval-requested", A, "through", Direction.THROUGH),
    Case("approval-requested", A, "no-support", policy=NO_SUPPORT),
    ListCase("approvals-requested", A),
    ListCase("approvals-requested", A, "one", directions=(Direction.THROUGH,)),
    ListCase("approvals-requested", A, "no-support", policy=NO_SUPPORT),
    Case("approval-reminder", A, "inbound"),
    Case("approval-reminder", A, "through", Direction.THROUGH),
    Case("rejected", S, transfer={"rejection_reason": "Skicka hellre via upphandlingsportalen.\nTack!"}),
    Case("rejected", S, "by-administrator", transfer={**CLOSED, "rejection_reason": "Missbruk av tjänsten."}),
    Case("rejected", S, "stranger", transfer={**STRANGER, "rejection_reason": "Fel mottagare."}),
    Case("rejected", S, "stranger-by-administrator", transfer={**UNANSWERED, **CLOSED}),
    Case("lapsed", S),
    Case("lapsed", S, "stranger", transfer=UNANSWERED),
    Case("lapsed", A, "inbound"),
    Case("lapsed", A, "through", Direction.THROUGH),
    Case("file-ready", R, file={}),
    Case("file-ready", R, "code", file={"with_code": True}, codes={9: CODE}),
    Case("file-ready", R, "no-support", file={}, policy=NO_SUPPORT),
    Case("files-ready", R, files=({}, {})),
    Case("files-ready", R, "one", files=({},)),
    Case("files-ready", R, "code", files=({}, {}), codes={2: CODE}),
    Case("files-ready", R, "no-support", files=({}, {}), policy=NO_SUPPORT),
    Case("files-downloaded", S, files=({"fetched_at": AT},)),
    Case("files-downloaded", S, "several", files=({"fetched_at": AT}, {"fetched_at": AT})),
    Case("withdrawn", A, "inbound"),
    Case("withdrawn", A, "through", Direction.THROUGH),
    LostLinkCase("lost-link", S),
    LostLinkCase("lost-link", S, "waiting", waits=True),
    LostLinkCase("lost-link", S, "stranger", transfer=UNANSWERED, waits=True),
    LostLinkCase("lost-link", S, "no-support", policy=NO_SUPPORT),
    LostLinkCase("lost-link", A, "waiting", waits=True, directions=(Direction.INBOUND, Direction.INBOUND)),
    LostLinkCase("lost-link", R, "several", directions=(Direction.THROUGH, Direction.THROUGH)),
    Case("expiry-reminder", S, files=({}, {})),
    Case("expiry-reminder", R, files=({}, {})),
    Case("no-files-reminder", S),
    Case("no-files-reminder", S, "inside", Direction.OUTBOUND),
    Case("send-again-requested", S),
    Case("send-again-requested", S, "through", Direction.THROUGH),
    Case("erased", S, files=LIST),
    Case("erased", S, "no-files"),
    Case("erased", S, "by-administrator", transfer=CLOSED, files=LIST),
    Case("erased", R, files=LIST),
    Case("erased", R, "by-administrator", transfer=CLOSED, files=LIST),
    Case("erased", S, "earlier", files=CAUSES),
    Case("erased", R, "earlier", files=CAUSES[:4]),
    Case("erased", A, "", Direction.THROUGH, files=LIST),
    Case("erased", A, "no-files", Direction.THROUGH),
    Case("erased", A, "by-administrator", Direction.THROUGH, transfer=CLOSED, files=LIST),
    Case("file-removed", S, "by-administrator", file=BY_ADMINISTRATOR),
    Case("file-removed", R, "by-administrator", file=BY_ADMINISTRATOR),
    Case("file-removed", R, "by-administrator-fetched", file={**BY_ADMINISTRATOR, "fetched_at": AT}),
    Case("file-removed", A, "by-administrator", Direction.THROUGH, file=BY_ADMINISTRATOR),
    Case("file-removed", S, "by-sender", file=BY_SENDER),
    Case("file-removed", R, "by-sender", file=BY_SENDER),
    Case("file-removed", A, "by-sender", Direction.THROUGH, file=BY_SENDER),
    Case("files-removed", S, files=REMOVED),
    Case("files-removed", S, "one", files=REMOVED[1:]),
    Case("files-removed", R, files=REMOVED),
    Case("files-removed", A, "", Direction.THROUGH, files=REMOVED),
    Case("file-infected", S, file={"virus": "Eicar-Test", "ready_at": None}),
    Case("file-infected", S, "no-support", file={"virus": "Eicar-Test"}, policy=NO_SUPPORT),
    Case("undelivered", S, "approver", undelivered=Undelivered(ANNA, "approver", "unknown")),
    Case("undelivered", S, "recipient", file={}, undelivered=Undelivered(ANNA, "recipient", "unknown")),
    Case("undelivered", S, "full", file={}, undelivered=Undelivered(ANNA, "recipient", "full")),
    Case("undelivered", S, "policy", file={}, undelivered=Undelivered(ANNA, "recipient", "refused")),
    Case("undelivered", S, "expired", file={}, undelivered=Undelivered(ANNA, "recipient", "expired")),
    Case("undelivered", S, "fault", file={}, undelivered=Undelivered(ANNA, "recipient", "fault")),
]
EACH = [(case, language) for case in CASES for language in LANGUAGES]
NAMES = [f"{language}-{case.name}" for case, language in EACH]

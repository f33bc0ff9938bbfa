"""Every letter the house can write, on fixed rows: who, what, and in which turn of events."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from filsluss.letters import compose
from filsluss.models import Letter, Transfer, TransferFile
from filsluss.models.transfer import LINK_FIELD
from filsluss.rules.directions import Direction, Role
from filsluss.rules.lifecycle import FileState, State
from filsluss.rules.policy import Policy
from filsluss.rules.tokens import Purpose, digest_of, link_token

ANNA, KARIN = "anna.berg@ltdalarna.se", "karin.lund@ltdalarna.se"
BO, EVA = "bo@rontgen.example", "eva@konsult.example"
KEY = b"k" * 32
CODE = "K7PM-4QXD-9T2V"
PARTIES = {
    Direction.OUTBOUND: ("Anna Berg", ANNA, BO, ""),
    Direction.INBOUND: ("Bo Ek", BO, ANNA, ANNA),
    Direction.THROUGH: ("Bo Ek", BO, EVA, KARIN),
}


def house_policy(**own: Any) -> Policy:
    """Landstinget Dalarna on the web, with a key that never changes."""
    given = {
        "base_url": "https://fts.example.se",
        "link_keys": (KEY,),
        "support_email": "support@ltdalarna.se",
    }
    return replace(settings.POLICY, **{**given, **own})


def make_transfer(now: datetime, **own: Any) -> Transfer:
    way = Direction(own.pop("direction", Direction.INBOUND))
    name, sender, recipient, approver = PARTIES[way]
    transfer = Transfer(
        public_id="K7PM-4QXD", nonce="0" * 32, direction=way.value, state=State.OPEN, language="sv",
        sender_name=name, sender_email=sender, recipient_email=recipient, approver_email=approver,
        purpose="Ritningar till den nya mottagningen.\n\nSe https://evil.com/x, t.ex. sidan 2.",
        applied_at=now - timedelta(days=1), lapse_by=house_policy().end_of(now, 6),
        decided_at=now, open_until=house_policy().end_of(now, 7),
    )  # fmt: skip
    for key, value in own.items():
        setattr(transfer, key, value)
    for purpose, digest in LINK_FIELD.items():
        token = link_token(KEY, purpose=purpose, row=transfer.public_id, nonce=transfer.nonce)
        setattr(transfer, digest, digest_of(token))
    transfer.save()
    return transfer


def make_file(transfer: Transfer, now: datetime, number: int = 1, **own: Any) -> TransferFile:
    file = TransferFile(
        transfer=transfer, public_id=f"FFFF-222{number}", nonce=str(number) * 32, upload_id=f"u{number}",
        state=FileState.READY, name=f"ritning åäö {number}.pdf", size=1_330_000_000, sha256=f"{number}" * 64,
        created_at=now, active_at=now, received_at=now, ready_at=now,
    )  # fmt: skip
    for key, value in own.items():
        setattr(file, key, value)
    for purpose, digest in ((Purpose.DOWNLOAD, "download_digest"), (Purpose.PICKUP, "pickup_digest")):
        token = link_token(KEY, purpose=purpose, row=file.public_id, nonce=file.nonce)
        setattr(file, digest, digest_of(token))
    file.save()
    return file


@dataclass(frozen=True)
class Case:
    """A letter and what happened before it; `file` and `files` are what their rows have of their own."""

    kind: str
    role: Role
    variant: str = ""
    way: Direction = Direction.INBOUND
    transfer: dict[str, Any] = field(default_factory=dict)
    file: dict[str, Any] | None = None
    files: tuple[dict[str, Any], ...] = ()
    code: str = ""
    about: dict[str, str] | None = None
    policy: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return "-".join(filter(None, (self.kind, self.role.value, self.variant)))

    def write(self, language: str, now: datetime) -> Letter:
        transfer = make_transfer(now, direction=self.way, language=language, **self.transfer)
        letter = compose.write(
            self.kind,
            transfer=transfer,
            role=self.role,
            policy=house_policy(**self.policy),
            now=now,
            file=make_file(transfer, now, 9, **self.file) if self.file is not None else None,
            files=[make_file(transfer, now, n, **own) for n, own in enumerate(self.files, 2)],
            code=self.code,
            about=self.about,
        )
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
AT = datetime.fromisoformat("2026-11-26T08:05:00+01:00")
LIST: tuple[dict[str, Any], ...] = ({"fetched_at": AT}, {}, {"ready_at": None, "sha256": ""})
NO = "550 5.1.1 no such user, see https://mail.example/why"

CASES = [
    Case("approved", S, "inside", Direction.OUTBOUND),
    Case("approved", S, "by-approver"),
    Case("approved", S, "one-day", transfer={"open_until": house_policy().end_of(AT, -1)}),
    Case("received", S),
    Case("received", S, "no-support", policy=NO_SUPPORT),
    Case("approval-requested", A, "inbound"),
    Case("approval-requested", A, "through", Direction.THROUGH),
    Case("approval-requested", A, "no-support", policy=NO_SUPPORT),
    Case("approval-reminder", A, "inbound"),
    Case("approval-reminder", A, "through", Direction.THROUGH),
    Case("rejected", S, transfer={"rejection_reason": "Skicka hellre via upphandlingsportalen.\nTack!"}),
    Case("rejected", S, "by-administrator", transfer={**CLOSED, "rejection_reason": "Missbruk av tjänsten."}),
    Case("lapsed", S),
    Case("lapsed", A, "inbound"),
    Case("lapsed", A, "through", Direction.THROUGH),
    Case("file-ready", R, file={}),
    Case("file-ready", R, "code", file={"with_code": True}, code=CODE),
    Case("file-ready", R, "no-support", file={}, policy=NO_SUPPORT),
    Case("file-downloaded", S, file={"fetched_at": AT}),
    Case("expiry-reminder", S, files=({}, {})),
    Case("expiry-reminder", R, files=({}, {})),
    Case("erased", S, files=LIST),
    Case("erased", S, "no-files"),
    Case("erased", S, "by-administrator", transfer=CLOSED, files=LIST),
    Case("erased", R, files=LIST),
    Case("erased", R, "no-files"),
    Case("erased", R, "by-administrator", transfer=CLOSED, files=LIST),
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
    Case("file-infected", S, file={"virus": "Eicar-Test", "ready_at": None}),
    Case("file-infected", S, "no-support", file={"virus": "Eicar-Test"}, policy=NO_SUPPORT),
    Case("undelivered", S, "approver", about={"address": ANNA, "role": "approver", "error": NO}),
    Case("undelivered", S, "recipient", file={}, about={"address": ANNA, "role": "recipient", "error": NO}),
    Case("undelivered", S, "expired", file={},
         about={"address": ANNA, "role": "recipient", "error": "", "why": "expired"}),
    Case("undelivered", S, "fault", file={},
         about={"address": ANNA, "role": "recipient", "error": "", "why": "fault"}),
]  # fmt: skip
EACH = [(case, language) for case in CASES for language in ("sv", "en")]
NAMES = [f"{language}-{case.name}" for case, language in EACH]

"""The kinds of letters: what each is called, and everything that follows from its kind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto

from filsluss.rules.directions import Role
from filsluss.rules.tokens import Purpose


class LetterKind(StrEnum):
    """The names, which are stored, sent (`X-Filsluss-Letter`) and those of the templates."""

    APPROVED = "approved"
    RECEIVED = "received"
    APPROVAL_REQUESTED = "approval-requested"
    APPROVALS_REQUESTED = "approvals-requested"
    APPROVAL_REMINDER = "approval-reminder"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    FILE_READY = "file-ready"
    FILES_READY = "files-ready"
    FILES_DOWNLOADED = "files-downloaded"
    EXPIRY_REMINDER = "expiry-reminder"
    NO_FILES_REMINDER = "no-files-reminder"
    SEND_AGAIN_REQUESTED = "send-again-requested"
    FILE_REMOVED = "file-removed"
    FILES_REMOVED = "files-removed"
    FILE_INFECTED = "file-infected"
    UNDELIVERED = "undelivered"
    ERASED = "erased"
    LOST_LINK = "lost-link"
    ABUSE_REPORTED = "abuse-reported"
    ACCESSIBILITY_REPORT = "accessibility-report"
    ALARM = "alarm"
    BREAK_GLASS = "break-glass"
    TRIAL = "trial"
    FILE_DOWNLOADED = "file-downloaded"


class Valid(Enum):
    """How long what a letter says is true: of its cases, at least one must be so."""

    UNTIL_DECIDED = auto()
    WHILE_OPEN = auto()
    ALWAYS = auto()


class Bundle(Enum):
    """What a letter collects before it is written: ready files, fetches, requests, or removed files."""

    FILES = auto()
    FETCHES = auto()
    REQUESTS = auto()
    REMOVALS = auto()


class Source(Enum):
    """What the text follows from when a letter is written anew.

    WRITING: what was known only as it was written. CASE: transfer, party and at most one file. CODE: the
    same, and the code of the file. UNFETCHED: the files that nobody has fetched. ENTRIES: what it collected.
    """

    WRITING = auto()
    CASE = auto()
    CODE = auto()
    UNFETCHED = auto()
    ENTRIES = auto()


TO_SENDER = {Role.RECIPIENT: Role.SENDER, Role.APPROVER: Role.SENDER}
TO_APPROVER = {**TO_SENDER, Role.SENDER: Role.APPROVER}
TO_SUPPORT: Mapping[Role, Role] = {}


@dataclass(frozen=True)
class Traits:
    """What follows from the kind of a letter.

    label: what administrators read, in English (a sentence of the pages' catalogue); empty for letters
        about no case, which no page lists.
    link: the purpose of the link that the letter is for; `needs_link`: it is not written without.
    replies: whom a reply reaches, by the reader's role; support where none is named.
    is_urgent: delivered before the others, because somebody waits for it.
    is_missed: if it is given up, its sender is told.
    is_limited: strangers can cause it and its reader has nothing to do, so a mailbox gets few of them.
    needs_proof: mailed only to somebody who has proved that the address is theirs.
    is_written: whether this version still writes it.
    """

    label: str = ""
    link: Purpose | None = None
    needs_link: bool = True
    valid: Valid = Valid.ALWAYS
    bundle: Bundle | None = None
    source: Source = Source.WRITING
    replies: Mapping[Role, Role] = field(default_factory=lambda: TO_SENDER)
    is_urgent: bool = False
    is_missed: bool = False
    is_limited: bool = False
    needs_proof: bool = False
    is_written: bool = True


KINDS: Mapping[str, Traits] = {
    LetterKind.APPROVED: Traits(
        "Approved",
        link=Purpose.UPLOAD,
        valid=Valid.WHILE_OPEN,
        source=Source.CASE,
        replies=TO_APPROVER,
        is_urgent=True,
    ),
    LetterKind.RECEIVED: Traits("Receipt", valid=Valid.UNTIL_DECIDED, source=Source.CASE),
    LetterKind.APPROVAL_REQUESTED: Traits(
        "Request to approve",
        link=Purpose.DECIDE,
        valid=Valid.UNTIL_DECIDED,
        source=Source.CASE,
        is_urgent=True,
        is_missed=True,
    ),
    LetterKind.APPROVALS_REQUESTED: Traits(
        "List of requests to approve",
        link=Purpose.DECIDE,
        valid=Valid.UNTIL_DECIDED,
        bundle=Bundle.REQUESTS,
        replies=TO_SUPPORT,
        is_urgent=True,
        is_missed=True,
    ),
    LetterKind.APPROVAL_REMINDER: Traits(
        "Reminder to the approver",
        link=Purpose.DECIDE,
        valid=Valid.UNTIL_DECIDED,
        source=Source.CASE,
        is_missed=True,
    ),
    LetterKind.REJECTED: Traits("Rejected", source=Source.CASE, replies=TO_APPROVER),
    LetterKind.WITHDRAWN: Traits("Withdrawn by the sender", source=Source.CASE, is_limited=True),
    LetterKind.LAPSED: Traits(
        "Not answered in time", source=Source.CASE, replies=TO_APPROVER, is_limited=True
    ),
    LetterKind.FILE_READY: Traits(
        "A file is ready",
        link=Purpose.DOWNLOAD,
        valid=Valid.WHILE_OPEN,
        source=Source.CODE,
        is_urgent=True,
        is_missed=True,
    ),
    LetterKind.FILES_READY: Traits(
        "Files are ready",
        link=Purpose.DOWNLOAD,
        valid=Valid.WHILE_OPEN,
        bundle=Bundle.FILES,
        source=Source.ENTRIES,
        is_urgent=True,
        is_missed=True,
    ),
    LetterKind.FILES_DOWNLOADED: Traits(
        "Files were downloaded", bundle=Bundle.FETCHES, source=Source.ENTRIES
    ),
    LetterKind.EXPIRY_REMINDER: Traits(
        "The time is soon up",
        link=Purpose.DOWNLOAD,
        needs_link=False,
        valid=Valid.WHILE_OPEN,
        source=Source.UNFETCHED,
        is_missed=True,
    ),
    LetterKind.NO_FILES_REMINDER: Traits(
        "No file has been uploaded", link=Purpose.UPLOAD, valid=Valid.WHILE_OPEN, source=Source.CASE
    ),
    LetterKind.SEND_AGAIN_REQUESTED: Traits("Asked to send the files again", source=Source.CASE),
    LetterKind.FILE_REMOVED: Traits("A file was deleted", source=Source.CASE),
    LetterKind.FILES_REMOVED: Traits("Files were deleted", bundle=Bundle.REMOVALS, source=Source.ENTRIES),
    LetterKind.FILE_INFECTED: Traits("Malicious code was found", source=Source.CASE),
    LetterKind.UNDELIVERED: Traits("An email did not arrive", needs_proof=True),
    LetterKind.ERASED: Traits("All files deleted"),
    LetterKind.LOST_LINK: Traits("Links that were asked for", replies=TO_SUPPORT, is_urgent=True),
    LetterKind.ABUSE_REPORTED: Traits("Abuse was reported", replies=TO_SUPPORT),
    LetterKind.ACCESSIBILITY_REPORT: Traits(replies=TO_SUPPORT),
    LetterKind.ALARM: Traits(replies=TO_SUPPORT),
    LetterKind.BREAK_GLASS: Traits(replies=TO_SUPPORT),
    LetterKind.TRIAL: Traits(replies=TO_SUPPORT),
    LetterKind.FILE_DOWNLOADED: Traits("A file was downloaded", is_written=False),
}


def traits_of(kind: str) -> Traits:
    """What follows from the kind of a letter in the database; nothing does from one that is not known."""
    return KINDS.get(kind, Traits(kind))


VALID_UNTIL_DECIDED = tuple(kind for kind, row in KINDS.items() if row.valid is Valid.UNTIL_DECIDED)
VALID_WHILE_OPEN = tuple(kind for kind, row in KINDS.items() if row.valid is Valid.WHILE_OPEN)
ABOUT_ONE_REQUEST = tuple(kind for kind in VALID_UNTIL_DECIDED if KINDS[kind].bundle is None)
"""What a decision withdraws: the requests of a list are several, and only the decided one leaves it."""
ASKING = tuple(kind for kind in ABOUT_ONE_REQUEST if KINDS[kind].link is Purpose.DECIDE)
"""They ask an approver for an answer."""
LEADS_TO_AGAIN = (
    *(LetterKind.SEND_AGAIN_REQUESTED, LetterKind.UNDELIVERED),
    *(LetterKind.REJECTED, LetterKind.LAPSED, LetterKind.ERASED),
)
"""Their sender can apply once more, with the same parties."""
READY_KINDS = tuple(kind for kind, row in KINDS.items() if row.link is Purpose.DOWNLOAD and row.needs_link)
"""They tell a recipient of ready files, of each file once."""

"""The states of transfers and files, the steps between them, and which roles are told of each step."""

from dataclasses import dataclass
from enum import StrEnum

from filsluss.rules.directions import Role
from filsluss.rules.letter_kinds import LetterKind


class State(StrEnum):
    NEW = "new"
    PENDING = "pending"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"
    REJECTED = "rejected"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"


class FileState(StrEnum):
    UPLOADING = "uploading"
    RECEIVED = "received"
    SCANNING = "scanning"
    UNSCANNED = "unscanned"
    INFECTED = "infected"
    READY = "ready"
    WITHHELD = "withheld"
    ERASING = "erasing"
    ERASED = "erased"


class ErasedBecause(StrEnum):
    """Why the bytes of a file are erased."""

    ENDED = "ended"
    REMOVED = "removed"
    WITHDRAWN = "withdrawn"
    STALE = "stale"
    DAMAGED = "damaged"
    INFECTED = "infected"


class RemovalCode(StrEnum):
    """For which reason an administrator removes a file; the letter about it says so in words of its own."""

    VIRUS = "virus"
    WRONG_RECIPIENT = "wrong-recipient"
    PERSONAL_DATA = "personal-data"
    SECRECY = "secrecy"
    ABUSE = "abuse"
    OTHER = "other"


NEVER_UNDONE = frozenset({RemovalCode.VIRUS, RemovalCode.PERSONAL_DATA, RemovalCode.SECRECY})
"""A file that is removed for one of these is erased at once: its bytes must not wait."""


class Receipts(StrEnum):
    """Which fetches of the files the sender is told of."""

    NONE = "none"
    FIRST = "first"
    EACH = "each"


@dataclass(frozen=True)
class Step:
    """One change of state: its name, its source and target, and the letter that tells which roles."""

    name: str
    source: State
    target: State
    letter: LetterKind | None = None
    told: tuple[Role, ...] = ()


SENDER, RECIPIENT, APPROVER = Role.SENDER, Role.RECIPIENT, Role.APPROVER

APPLIED = Step("applied", State.NEW, State.PENDING, LetterKind.APPROVAL_REQUESTED, (APPROVER,))
APPROVED = Step("approved", State.PENDING, State.OPEN, LetterKind.APPROVED, (SENDER,))
REJECTED = Step("rejected", State.PENDING, State.REJECTED, LetterKind.REJECTED, (SENDER,))
WITHDRAWN = Step("withdrawn", State.PENDING, State.REJECTED, LetterKind.REJECTED, (SENDER,))
TAKEN_BACK = Step("taken-back", State.PENDING, State.WITHDRAWN, LetterKind.WITHDRAWN, (APPROVER,))
LAPSED = Step("lapsed", State.PENDING, State.LAPSED, LetterKind.LAPSED, (SENDER, APPROVER))
ENDED = Step("ended", State.OPEN, State.CLOSING)
CLOSED = Step("closed", State.OPEN, State.CLOSING)
ERASED = Step("erased", State.CLOSING, State.CLOSED, LetterKind.ERASED, (SENDER, RECIPIENT, APPROVER))

STEPS = (APPLIED, APPROVED, REJECTED, WITHDRAWN, TAKEN_BACK, LAPSED, ENDED, CLOSED, ERASED)
OVER = frozenset({State.CLOSED, State.REJECTED, State.LAPSED, State.WITHDRAWN})
"""Final states: a transfer leaves them only by being forgotten."""

WHOLE_FILE = frozenset({FileState.RECEIVED, FileState.SCANNING, FileState.UNSCANNED, FileState.READY})
LIVE_FILE = frozenset({FileState.UPLOADING, *WHOLE_FILE})
"""States of a file that is still on its way to its recipient: INFECTED is not, and its bytes must go."""
STORED_WHOLE = frozenset({*WHOLE_FILE, FileState.WITHHELD})
"""States of a file whose bytes are all stored, and take room, whether or not its recipient may have them."""
KEPT_FILE = frozenset({*LIVE_FILE, FileState.WITHHELD})
"""States of a file that has its place in the account, and is erased with it."""

FILE_STEPS_ONCE = ("received", "ready", "infected", "released", "file-erased")
"""Steps that a file takes once at most."""
FILE_STEPS = (
    *FILE_STEPS_ONCE,
    *("release-asked", "unscanned", "fetched", "partly-fetched"),
    *("file-missing", "file-withheld", "file-restored"),
)
AUDIT_STEPS = frozenset(
    {
        *(step.name for step in STEPS),
        *FILE_STEPS,
        *(f"file-{because}" for because in ErasedBecause),
        *("reported", "extended"),
        "letter-sent-again",
        *("block-added", "block-removed"),
        *("local-sign-in", "case-opened", "role-given", "role-taken"),
        *("person-shut-out", "person-let-in", "sessions-ended"),
        *("account-added", "account-unlocked", "account-removed"),
        "code-drawn-again",
    }
)
"""Every step that the audit trail may hold; docs/identifiers.md says what each means."""

"""The life of a transfer and of its files: states, steps, and who is told of each."""

from dataclasses import dataclass
from enum import StrEnum

from filsluss.rules.directions import Role


class State(StrEnum):
    NEW = "new"
    PENDING = "pending"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"
    REJECTED = "rejected"
    LAPSED = "lapsed"


class FileState(StrEnum):
    UPLOADING = "uploading"
    RECEIVED = "received"
    SCANNING = "scanning"
    UNSCANNED = "unscanned"
    INFECTED = "infected"
    READY = "ready"
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


@dataclass(frozen=True)
class Step:
    """One arrow of the picture: what it is called, where from, where to, which letter tells whom."""

    name: str
    source: State
    target: State
    letter: str | None = None
    told: tuple[Role, ...] = ()


SENDER, RECIPIENT, APPROVER = Role.SENDER, Role.RECIPIENT, Role.APPROVER

APPLIED = Step("applied", State.NEW, State.PENDING, "approval-requested", (APPROVER,))
APPROVED = Step("approved", State.PENDING, State.OPEN, "approved", (SENDER,))
REJECTED = Step("rejected", State.PENDING, State.REJECTED, "rejected", (SENDER,))
WITHDRAWN = Step("withdrawn", State.PENDING, State.REJECTED, "rejected", (SENDER,))
LAPSED = Step("lapsed", State.PENDING, State.LAPSED, "lapsed", (SENDER, APPROVER))
ENDED = Step("ended", State.OPEN, State.CLOSING)
CLOSED = Step("closed", State.OPEN, State.CLOSING)
ERASED = Step("erased", State.CLOSING, State.CLOSED, "erased", (SENDER, RECIPIENT, APPROVER))

STEPS = (APPLIED, APPROVED, REJECTED, WITHDRAWN, LAPSED, ENDED, CLOSED, ERASED)
OVER = frozenset({State.CLOSED, State.REJECTED, State.LAPSED})
"""States in which nothing more can happen to a transfer but that it is forgotten."""

WHOLE_FILE = frozenset({FileState.RECEIVED, FileState.SCANNING, FileState.UNSCANNED, FileState.READY})
LIVE_FILE = frozenset({FileState.UPLOADING, *WHOLE_FILE})
"""States of a file that is still on its way to its recipient: INFECTED is not, and its bytes must go."""

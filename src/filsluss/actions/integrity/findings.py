"""What the integrity checks are given, and what they report."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from filsluss.installation import Services

Repair = Callable[[], object]

SETTLED = timedelta(minutes=15)
"""A row that stays in a transient state longer than this is stuck."""


@dataclass(frozen=True)
class World:
    """With `checksums` every ready blob is read and hashed."""

    services: Services
    now: datetime
    checksums: bool = False

    @property
    def settled(self) -> datetime:
        """A row that entered a transient state before this time is stuck."""
        return self.now - SETTLED


@dataclass(frozen=True)
class Finding:
    """One difference: the invariant it breaks, a description for operators, and what repairs it.

    The checks run again after `repair` to see whether it succeeded. Without it a person must act.
    """

    rule: str
    what: str
    repair: Repair | None = None

    def __str__(self) -> str:
        return f"{self.rule} {self.what}"

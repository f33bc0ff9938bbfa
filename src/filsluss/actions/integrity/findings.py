"""What the integrity checks are given, and what they report."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from filsluss.blobs import Store
from filsluss.rules.policy import Policy

Repair = Callable[[], object]

SETTLED = timedelta(minutes=15)
"""A row that stays in a transient state longer than this is stuck."""


@dataclass(frozen=True)
class World:
    """`boot_id` is the machine's current boot; with `checksums` every ready blob is read and hashed."""

    store: Store
    policy: Policy
    boot_id: str
    now: datetime
    with_scanner: bool = False
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

"""The world as it should be: what is compared with what, and what does not fit."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from filsluss.blobs import Store
from filsluss.rules.policy import Policy

Repair = Callable[[], object]

SETTLED = timedelta(minutes=15)
"""What is on its way from one state to the next is there within this, or nobody is at it."""


@dataclass(frozen=True)
class World:
    """`boot_id` is this start of the machine; `checksums`: every ready blob is read and summed."""

    store: Store
    policy: Policy
    boot_id: str
    now: datetime
    with_scanner: bool = False
    checksums: bool = False

    @property
    def settled(self) -> datetime:
        """What happened before this has had time enough."""
        return self.now - SETTLED


@dataclass(frozen=True)
class Finding:
    """One thing that should not be: the invariant it breaks, in plain words, and how it is mended.

    Whether it did, a second look tells; without a `mend` it takes a person.
    """

    rule: str
    what: str
    mend: Repair | None = None

    def __str__(self) -> str:
        return f"{self.rule} {self.what}"

"""What the integrity checks are given, and what they report."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from filsluss.installation import Services

Repair = Callable[[], object]

SETTLED = timedelta(minutes=15)
"""A row that stays in a transient state longer than this is stuck."""


@dataclass(frozen=True)
class World:
    """With `checksums` every ready blob is read and hashed.

    `since`: transfers that were over before then have been compared after that, and are left out.
    """

    services: Services
    now: datetime
    checksums: bool = False
    since: datetime | None = None

    def changing(self, of: str = "") -> Q:
        """The transfers, or the rows whose transfer has the prefix `of`, that may have changed."""
        if self.since is None:
            return Q()
        return Q(**{f"{of}over_at": None}) | Q(**{f"{of}over_at__gte": self.since})

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

"""What a job has looked through before: it looks at the whole once a day, else at what came since."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from filsluss.models import Installation

WHOLE_EVERY = timedelta(days=1)


@dataclass(frozen=True)
class Passes:
    """Passes of one job. What was older than `settled` when one began need not be looked at by the next.

    `name` is that of a row of `Installation`: 26 characters at most.
    """

    name: str
    settled: timedelta

    def since(self, *, now: datetime) -> datetime | None:
        """What is older need not be looked at; None: all must be."""
        whole, last = self._time_of(self._whole), self._time_of(self.name)
        if whole is None or last is None or not now - WHOLE_EVERY < whole <= now:
            return None
        return min(last, now) - self.settled

    def remember(self, began: datetime, *, whole: bool) -> None:
        """Notes a pass that left nothing, for the next one."""
        for name in (self.name, self._whole) if whole else (self.name,):
            Installation.objects.update_or_create(name=name, defaults={"value": began.isoformat()})

    @property
    def _whole(self) -> str:
        return f"{self.name} whole"

    @staticmethod
    def _time_of(name: str) -> datetime | None:
        found = Installation.objects.filter(name=name).first()
        return datetime.fromisoformat(found.value) if found else None

"""Which worker compares rows and blobs next, and from when on: the whole once a day, else what changed."""

from datetime import UTC, datetime, timedelta

from filsluss.actions.integrity.findings import SETTLED, World
from filsluss.actions.integrity.repair import REPAIRED, reconcile
from filsluss.installation import Services
from filsluss.models import Installation, RowLock

EVERY = timedelta(minutes=30)
WHOLE_EVERY = timedelta(days=1)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
NAME = "check integrity"
COMPARED, COMPARED_WHOLE = "compared", "compared whole"
"""Names of rows of `Installation`: when the last comparison that left nothing, or of all, began."""


def take_turn(*, now: datetime) -> bool:
    """Whether this worker does it now: one at a time, and again after EVERY."""
    RowLock.objects.get_or_create(
        name=NAME, defaults={"passed_at": datetime.min.replace(year=1970, tzinfo=UTC)}
    )
    lock = RowLock.objects.filter(name=NAME)
    # After the clock was set back the last turn is in the future.
    due = lock.filter(passed_at__lte=now - EVERY) | lock.filter(passed_at__gt=now)
    return due.update(passed_at=now) == 1


def compare(*, services: Services, now: datetime) -> None:
    """Compares, and repairs what can be repaired."""
    from_when = since(now=now)
    lines = reconcile(World(services, now, since=from_when))
    if all(line.outcome is REPAIRED for line in lines):
        remember(now, whole=from_when is None)


def since(*, now: datetime) -> datetime | None:
    """Transfers that were over before then need not be compared; None: all are."""
    whole, last = _time_of(COMPARED_WHOLE), _time_of(COMPARED)
    if whole is None or last is None or not now - WHOLE_EVERY < whole <= now:
        return None
    return min(last, now) - SETTLED


def remember(began: datetime, *, whole: bool) -> None:
    """Notes a comparison that left nothing, for the next one."""
    for name in (COMPARED, COMPARED_WHOLE) if whole else (COMPARED,):
        Installation.objects.update_or_create(name=name, defaults={"value": began.isoformat()})


def _time_of(name: str) -> datetime | None:
    found = Installation.objects.filter(name=name).first()
    return datetime.fromisoformat(found.value) if found else None

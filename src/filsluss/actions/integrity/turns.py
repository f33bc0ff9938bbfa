"""Which worker compares rows and blobs next, and from when on: the whole once a day, else what changed."""

from datetime import UTC, datetime, timedelta

from filsluss.actions.integrity.findings import SETTLED, World
from filsluss.actions.integrity.repair import REPAIRED, reconcile
from filsluss.actions.passes import Passes
from filsluss.installation import Services
from filsluss.models import RowLock

EVERY = timedelta(minutes=30)
NAME = "check integrity"
COMPARED = Passes("compared", settled=SETTLED)


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
    from_when = COMPARED.since(now=now)
    lines = reconcile(World(services, now, since=from_when))
    if all(line.outcome is REPAIRED for line in lines):
        COMPARED.remember(now, whole=from_when is None)

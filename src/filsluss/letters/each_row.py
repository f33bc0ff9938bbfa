"""Jobs that walk a list: a row that fails is told of and waits, and those behind it have their turn."""

import logging
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError

from filsluss.blobs import StoreAway, StoreRefused
from filsluss.letters import notices
from filsluss.rules.policy import Policy

log = logging.getLogger(__name__)

RETRY_DELAYS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=60))
LATER_DELAY = timedelta(hours=3)
ALARM = "jobs"

Row = TypeVar("Row")


@dataclass(frozen=True)
class Failed:
    """How often a row has failed, and when it is tried again."""

    tries: int
    again_at: datetime

    def waits_at(self, now: datetime) -> bool:
        """Also when the clock was set back: no pause is longer than LATER_DELAY."""
        return now < self.again_at <= now + LATER_DELAY


_failed: dict[str, dict[Hashable, Failed]] = {}
"""By job and row, in this process. Another process, or a new one, tries each row at once."""


def each_row(
    job: str, rows: Iterable[Row], act: Callable[[Row], int], *, policy: Policy, now: datetime
) -> int:
    """Calls `act` for each row and adds up what it returns.

    A row that fails counts 0, is logged, raises the alarm `jobs`, and is tried again after a growing pause.
    An error that concerns the database or the blob store as a whole is raised.
    """
    failed, still, done = _failed.get(job, {}), dict[Hashable, Failed](), 0
    for row in rows:
        name = name_of(row)
        before = failed.get(name)
        if before and before.waits_at(now):
            still[name] = before
            continue
        try:
            done += act(row)
        except Exception as fault:
            if concerns_all(fault):
                _failed[job] = {**failed, **still}
                raise
            log.exception("%s: %s failed, and is left until later", job, name)
            still[name] = failed_again(before, now)
            tell(f"{job}: {name} ({type(fault).__name__})", policy=policy, now=now)
    _failed[job] = still
    return done


def concerns_all(fault: Exception) -> bool:
    """Whether the next row would meet it, too: database or store do not answer."""
    if isinstance(fault, StoreAway):
        return not isinstance(fault, StoreRefused)
    return isinstance(fault, OperationalError | InterfaceError)


def name_of(row: object) -> Hashable:
    """The public id of a row that has one, else what it is called."""
    return getattr(row, "public_id", None) or str(row)


def failed_again(before: Failed | None, now: datetime) -> Failed:
    tries = before.tries if before else 0
    delay = RETRY_DELAYS[tries] if tries < len(RETRY_DELAYS) else LATER_DELAY
    return Failed(tries + 1, now + delay)


def tell(what: str, *, policy: Policy, now: datetime) -> None:
    """Raises the alarm; that it cannot be raised must not stop the rows behind, either."""
    try:
        notices.raise_alarm(ALARM, since=now, value=what, policy=policy, now=now)
    except DatabaseError:
        log.exception("the alarm %s could not be raised", ALARM)


def any_failed() -> bool:
    """Whether a row failed when its job last met it."""
    return any(_failed.values())


def forget_failures() -> None:
    """Lets each row be tried at once, as a new process does."""
    _failed.clear()

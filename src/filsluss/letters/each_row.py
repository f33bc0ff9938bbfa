"""Jobs that walk a list: a row that fails is told of and waits, and those behind it have their turn."""

import logging
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db import DatabaseError, connection, transaction

from filsluss import outages
from filsluss.blobs import ObjectRefused, StoreAway
from filsluss.letters import notices
from filsluss.rules.policy import Policy
from filsluss.rules.retries import LONGEST_PAUSE, pause_after

log = logging.getLogger(__name__)

ALARM = "jobs"

Row = TypeVar("Row")


@dataclass(frozen=True)
class Failed:
    """How often a row has failed, and when it is tried again."""

    tries: int
    again_at: datetime

    def waits_at(self, now: datetime) -> bool:
        """Also when the clock was set back: no pause is longer than LONGEST_PAUSE."""
        return now < self.again_at <= now + LONGEST_PAUSE


_failed: dict[str, dict[Hashable, Failed]] = {}
"""By job and row, in this process. Another process, or a new one, tries each row at once."""


def each_row(
    job: str, rows: Iterable[Row], act: Callable[[Row], int], *, policy: Policy, now: datetime
) -> int:
    """Calls `act` for each row and adds up what it returns.

    A row that fails counts 0, is logged, raises the alarm `jobs`, and is tried again after a growing pause.
    An error that concerns the database or the blob store as a whole is raised.
    """
    with Walk(job, policy=policy, now=now) as walk, ended(rows):
        return sum(walk.one(row, act) for row in rows if not walk.waits(row))


def each_batch(
    job: str,
    rows: Iterable[Sequence[Row]],
    act: Callable[[Sequence[Row]], int],
    *,
    policy: Policy,
    now: datetime,
) -> int:
    """Calls `act` for each list of rows, within one transaction, and adds up what it returns.

    If that fails, `act` is called for each of them alone, so that only the row at fault is left, as by
    `each_row`.
    """
    with Walk(job, policy=policy, now=now) as walk, ended(rows):
        return sum(walk.together([row for row in batch if not walk.waits(row)], act) for batch in rows)


@contextmanager
def ended(rows: Iterable[object]) -> Iterator[None]:
    """After an error a generator of rows is closed at once, and with it the transaction it may be in."""
    try:
        yield
    finally:
        if isinstance(rows, Generator):
            rows.close()


class Walk:
    """One run of a job over its rows: which of them wait, because they failed, and which fail now."""

    def __init__(self, job: str, *, policy: Policy, now: datetime) -> None:
        self._job, self._policy, self._now = job, policy, now
        self._failed = _failed.get(job, {})
        self._still = dict[Hashable, Failed]()

    def __enter__(self) -> "Walk":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Those that were not met, because the run was cut off, have failed as before."""
        _failed[self._job] = {**self._failed, **self._still} if kind else self._still

    def waits(self, row: Row) -> bool:
        """Whether the row failed and its pause is not over."""
        name = name_of(row)
        before = self._failed.get(name)
        if before is None or not before.waits_at(self._now):
            return False
        self._still[name] = before
        return True

    def one(self, row: Row, act: Callable[[Row], int]) -> int:
        """What `act` returns; 0 if it fails, and then nothing of it is left in the caller's transaction."""
        try:
            with transaction.atomic() if connection.in_atomic_block else nullcontext():
                return act(row)
        except Exception as fault:
            if concerns_all(fault):
                raise
            name = name_of(row)
            is_said = isinstance(fault, StoreAway)  # in its one line
            why = str(fault) if is_said else type(fault).__name__
            what = f"{self._job}: {name} ({why})"
            log.error("%s failed, and is left until later", what, exc_info=not is_said)
            self._still[name] = failed_again(self._failed.get(name), self._now)
            tell(what, policy=self._policy, now=self._now)
        return 0

    def together(self, rows: Sequence[Row], act: Callable[[Sequence[Row]], int]) -> int:
        if not rows:
            return 0
        try:
            with transaction.atomic():
                return act(rows)
        except Exception as fault:
            if concerns_all(fault):
                raise
            log.exception("%s: %d rows failed together, and are tried one by one", self._job, len(rows))
            return sum(self.one(row, lambda row: self._alone(row, act)) for row in rows)

    def _alone(self, row: Row, act: Callable[[Sequence[Row]], int]) -> int:
        with transaction.atomic():
            return act([row])


def concerns_all(fault: Exception) -> bool:
    """Whether the next row would meet it, too: database or store do not answer."""
    if isinstance(fault, StoreAway):
        return not isinstance(fault, ObjectRefused)
    return isinstance(fault, outages.AWAY)


def name_of(row: object) -> Hashable:
    """The public id of a row that has one, else what it is called."""
    return getattr(row, "public_id", None) or str(row)


def failed_again(before: Failed | None, now: datetime) -> Failed:
    tries = before.tries + 1 if before else 1
    return Failed(tries, now + pause_after(tries))


def tell(what: str, *, policy: Policy, now: datetime) -> None:
    """Raises the alarm; that it cannot be raised must not stop the rows behind, either."""
    try:
        notices.raise_alarm(ALARM, since=now, value=what, policy=policy, now=now)
    except DatabaseError as fault:
        outages.tell(fault, "the alarm %s could not be raised", ALARM, logger=log)


def any_failed() -> bool:
    """Whether a row failed when its job last met it."""
    return any(_failed.values())


def forget_failures() -> None:
    """Lets each row be tried at once, as a new process does."""
    _failed.clear()

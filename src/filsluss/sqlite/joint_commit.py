"""Transactions that threads of this process have ready at the same time share one commit, and one sync."""

# A commit is a sync of the disk: of eight threads that write one small row each, seven would wait for the
# syncs of the others. So whoever finds nobody at it commits, and with its own work that of all who came since
# the last commit began. Whoever is alone waits for nobody. Work of one kind is done by one call, which asks
# once and writes all rows by one statement: to Python a statement costs more than a row.

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, transaction

Item = TypeVar("Item")
Handle = Callable[[list[Any]], list[Any]]

MOST_TOGETHER = 64
"""How much work one commit may take with it, so that none waits long for those before it."""


class Undone(Exception):
    """Of several works one has failed, and what the others have done is undone with it."""


class Work:
    """What one thread wants committed, and what came of it."""

    def __init__(self, handle: Handle, item: Any) -> None:
        self.handle, self.item = handle, item
        self.result: Any = None
        self.fault: BaseException | None = None
        self.is_done = False
        self.turn = threading.Lock()
        self.turn.acquire()

    def outcome(self) -> Any:
        """The result; raises the fault, or the result that is an exception."""
        if self.fault is not None:
            raise self.fault
        return given(self.result)


class JointCommit:
    """The work that waits, and whether somebody commits. Safe in any thread, and empty after a fork."""

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Work] = []
        self._is_led = False

    def run(self, handle: Handle, item: Any) -> Any:
        """As `together`. A commit that fails, fails for all whose it was, and is not tried again."""
        work = Work(handle, item)
        with self._lock:
            self._waiting.append(work)
            leads, self._is_led = not self._is_led, True
        if not leads:
            work.turn.acquire()  # until it is done, or its thread is to lead
        if not work.is_done:
            self._lead()
        return work.outcome()

    def _lead(self) -> None:
        with self._lock:
            batch, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
        try:
            commit_together(batch)
        finally:
            with self._lock:
                following = self._waiting[0] if self._waiting else None
                self._is_led = following is not None
            if following:
                following.turn.release()  # before the others wake, and it must wait for them
            for work in batch:
                work.turn.release()


def commit_together(batch: list[Work]) -> None:
    """One transaction for the whole batch. Never raises: each work has its result, or its fault."""
    try:
        with transaction.atomic():
            run_all(batch)
    except Undone:
        for work in batch:
            commit_together([work])
    except BaseException as fault:  # noqa: BLE001 - whatever it was, nothing of it is committed
        for work in batch:
            work.result, work.fault = None, fault
    for work in batch:
        work.is_done = True


def run_all(batch: list[Work]) -> None:
    """Work of one kind by one call; raises Undone if one fails that was not alone."""
    by_handle: dict[Handle, list[Work]] = {}
    for work in batch:
        by_handle.setdefault(work.handle, []).append(work)
    try:
        for handle, works in by_handle.items():
            outcomes = handle([work.item for work in works])
            for work, outcome in zip(works, outcomes, strict=True):
                work.result = outcome
    except BaseException as fault:  # raised in the thread whose work it is
        if len(batch) > 1:
            raise Undone from fault
        raise


joint_commit = JointCommit()


def together(item: Item, handle: Callable[[list[Item]], list[Any]]) -> Any:
    """Handles the item in a transaction, with others' that wait; returns its result when it is committed.

    `handle` gets the items of all threads that wait, perhaps in another thread, and returns for each its
    result, or the exception that it is refused with: of that item it must have written nothing. If it raises,
    all is undone, and each item is handled in a transaction of its own. So it begins no transaction, reads
    nothing of its thread but Django's `connection`, and changes nothing but rows.

    On PostgreSQL each thread commits by itself, side by side.
    """
    database = connections[DEFAULT_DB_ALIAS]
    if database.vendor == "sqlite" and not database.in_atomic_block:
        return joint_commit.run(handle, item)
    with transaction.atomic():
        (outcome,) = handle([item])
    return given(outcome)


def given(outcome: Any) -> Any:
    """The result; raises the exception that is one."""
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome

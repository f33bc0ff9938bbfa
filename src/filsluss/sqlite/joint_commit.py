"""Transactions that threads of this process have ready at the same time share one commit, and one sync."""

# A commit is a sync of the disk: of eight threads that write one small row each, seven would wait for the
# syncs of the others. So whoever finds nobody at it commits, and with its own work that of all who came since
# the last commit began. Whoever is alone waits for nobody.

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, TypeVar

from django.db import connection, transaction

Result = TypeVar("Result")

MOST_TOGETHER = 64
"""How much work one commit may take with it, so that none waits long for those before it."""
SAVEPOINT = "joint"


class Work:
    """What one thread wants committed: its result or fault, and what it does after the commit."""

    def __init__(self, run: Callable[[], Any]) -> None:
        self.run = run
        self.context = copy_context()
        self.result: Any = None
        self.fault: BaseException | None = None
        self.hooks: list[Callable[[], None]] = []
        self.is_done = False
        self.turn = threading.Lock()
        self.turn.acquire()

    def outcome(self) -> Any:
        """The result; raises the fault. Runs the hooks of `transaction.on_commit`, in this work's thread."""
        if self.fault is not None:
            raise self.fault
        for hook in self.hooks:
            hook()
        return self.result


class JointCommit:
    """The work that waits, and whether somebody commits. Safe in any thread, and empty after a fork."""

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Work] = []
        self._is_led = False

    def run(self, run: Callable[[], Result]) -> Result:
        """Runs it in a transaction, perhaps of several and in another thread; returns when it is committed.

        What `run` raises undoes its statements alone. A commit that fails, fails for all of them.
        """
        work = Work(run)
        with self._lock:
            self._waiting.append(work)
            leads, self._is_led = not self._is_led, True
        if not leads:
            work.turn.acquire()  # until it is done, or its thread is to lead
        if not work.is_done:
            self._lead()
        result: Result = work.outcome()
        return result

    def _lead(self) -> None:
        with self._lock:
            batch, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
        try:
            commit_together(batch)
        finally:
            with self._lock:
                following = self._waiting[0] if self._waiting else None
                self._is_led = following is not None
            for work in batch:
                work.turn.release()
            if following:
                following.turn.release()


def commit_together(batch: list[Work]) -> None:
    """One transaction for the whole batch. Never raises: each work has its result, or its fault."""
    try:
        with transaction.atomic():
            for work in batch:
                run_one(work, is_alone=len(batch) == 1)
    except BaseException as fault:  # noqa: BLE001 - whatever it was, nothing of it is committed
        for work in batch:
            work.fault = work.fault or fault
    for work in batch:
        work.is_done = True


def run_one(work: Work, *, is_alone: bool) -> None:
    """Runs one work of a batch; raises only if the whole transaction is lost."""
    if is_alone:
        work.result = work.context.run(work.run)
        return
    known = len(connection.run_on_commit)
    run_raw(f"SAVEPOINT {SAVEPOINT}")
    try:
        work.result = work.context.run(work.run)
    except BaseException as fault:  # raised in the thread whose work it is
        work.fault = fault
        if not connection.connection.in_transaction:
            raise  # SQLite itself has rolled back all of it, as it may when the disk is full
        del connection.run_on_commit[known:]
        connection.needs_rollback = False
        run_raw(f"ROLLBACK TO {SAVEPOINT}")
    run_raw(f"RELEASE {SAVEPOINT}")
    work.hooks = [entry[1] for entry in connection.run_on_commit[known:]]
    del connection.run_on_commit[known:]


def run_raw(statement: str) -> None:
    with connection.wrap_database_errors:
        connection.connection.execute(statement)


joint_commit = JointCommit()


def in_transaction(run: Callable[[], Result]) -> Result:
    """Runs it in a transaction and returns its result when it is committed, with others' where that helps.

    `run` uses Django's `connection` as it is, begins no transaction, and may run in another thread, in the
    context (contextvars) of this one. On PostgreSQL each thread commits by itself, side by side.
    """
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        return joint_commit.run(run)
    with transaction.atomic():
        return run()

"""The connections themselves; Django looks for them in a file of this name."""

# A new connection reads the schema and registers Django's functions anew, and the last one to close writes
# the whole log back into the database: together more work than the rows of a small file's upload.
#
# Who finds the database locked sleeps, and longer each time, however soon it is free again. So the threads of
# a process line up before it, and each is woken by the one before; only other processes are met by sleeping.

from __future__ import annotations

import os
import sqlite3
import threading
from collections import defaultdict
from typing import Any

from django.db.backends.sqlite3 import base

POOL_SIZE = 32
QUEUE_SECONDS = 20.0  # then SQLite itself decides

FileId = tuple[int, int]


def file_id(path: Any) -> FileId | None:
    """Which file lies there now; another one of that name is another database."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


class ConnectionPool:
    """Open connections that nobody uses. A parent's are not the child's: it touches none of them."""

    def __init__(self) -> None:
        self._kept: list[tuple[FileId, sqlite3.Connection]] = []
        self._parents: list[tuple[FileId, sqlite3.Connection]] = []
        os.register_at_fork(after_in_child=self._leave)

    def _leave(self) -> None:
        self._parents += self._kept
        self._kept = []

    def take(self, place: FileId | None) -> sqlite3.Connection | None:
        """A connection to that file; those to a file that is no longer there are closed on the way."""
        while self._kept:
            try:
                where, connection = self._kept.pop()
            except IndexError:  # another thread was quicker
                return None
            if where == place:
                return connection
            connection.close()
        return None

    def put(self, place: FileId, connection: sqlite3.Connection) -> bool:
        """Whether there was room for it."""
        if len(self._kept) >= POOL_SIZE:
            return False
        self._kept.append((place, connection))
        return True


pool = ConnectionPool()


class WriterQueue:
    """Who may write next, of this process's threads, to each database."""

    def __init__(self) -> None:
        self._begin_anew()
        os.register_at_fork(after_in_child=self._begin_anew)

    def _begin_anew(self) -> None:
        self._locks: defaultdict[FileId | None, threading.Lock] = defaultdict(threading.Lock)

    def enter(self, place: FileId | None) -> threading.Lock | None:
        """Holds the lock that is given back; None if its turn did not come."""
        lock = self._locks[place]
        return lock if lock.acquire(timeout=QUEUE_SECONDS) else None


writer_queue = WriterQueue()


class DatabaseWrapper(base.DatabaseWrapper):
    _place: FileId | None = None
    _turn: threading.Lock | None = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        found = pool.take(file_id(conn_params["database"]))
        connection = found or super().get_new_connection(conn_params)
        self._place = file_id(conn_params["database"])
        return connection

    def _start_transaction_under_autocommit(self) -> None:
        self._turn = writer_queue.enter(self._place)
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._leave()
            raise

    def _leave(self) -> None:
        turn, self._turn = self._turn, None
        if turn:
            turn.release()

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        self._leave()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._leave()

    def _close(self) -> None:
        """Puts it on the shelf, unless it is in the middle of something or has failed."""
        connection, place = self.connection, self._place
        unfit = self.errors_occurred or self.in_atomic_block or connection.in_transaction
        try:
            if unfit or place is None or not pool.put(place, connection):
                connection.close()
        finally:
            self._leave()

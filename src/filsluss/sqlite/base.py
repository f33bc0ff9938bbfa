"""The database wrapper, its connection pool and its writer queue; Django imports `base` by this name."""

# Opening a connection reads the schema and registers Django's functions, and closing the last one writes the
# whole WAL back into the database file: together more work than the rows of a small file's upload.
#
# SQLite's busy handler backs off exponentially, so a waiter may sleep long after the lock is free. Writers of
# one process therefore queue on a lock of ours; only other processes meet SQLite's back-off.

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db import DatabaseError
from django.db.backends.sqlite3 import base

from filsluss.sqlite.reserve import Reserve

POOL_SIZE = 32
QUEUE_SECONDS = 20.0
"""After so long in the queue a writer begins anyway, and SQLite's own timeout applies."""

BEGIN = "BEGIN IMMEDIATE"
"""A transaction takes the lock of writers at once: with what it had read before, it could get none later."""

FileId = tuple[int, int]


def file_id(path: Any) -> FileId | None:
    """Device and inode: a new file with the same name is another database. None if there is no file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


class ConnectionPool:
    """Idle connections of this process. After a fork the parent's are kept open and never used or closed."""

    def __init__(self) -> None:
        self._idle: list[tuple[FileId, sqlite3.Connection]] = []
        self._inherited: list[tuple[FileId, sqlite3.Connection]] = []
        os.register_at_fork(after_in_child=self._set_inherited_aside)

    def _set_inherited_aside(self) -> None:
        self._inherited += self._idle
        self._idle = []

    def take(self, wanted: FileId | None) -> sqlite3.Connection | None:
        """An idle connection to that file, or None; closes those to other files that it meets."""
        while self._idle:
            try:
                file, connection = self._idle.pop()
            except IndexError:  # another thread took the last one
                return None
            if file == wanted:
                return connection
            connection.close()
        return None

    def put(self, file: FileId, connection: sqlite3.Connection) -> bool:
        """Keeps the connection for later; False if the pool is full."""
        if len(self._idle) >= POOL_SIZE:
            return False
        self._idle.append((file, connection))
        return True


pool = ConnectionPool()


class WriterQueue:
    """One lock per database file, for the writing threads of this process."""

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._locks: defaultdict[FileId | None, threading.Lock] = defaultdict(threading.Lock)

    def enter(self, file: FileId | None) -> threading.Lock | None:
        """Acquires and returns the file's lock; None after QUEUE_SECONDS."""
        lock = self._locks[file]
        return lock if lock.acquire(timeout=QUEUE_SECONDS) else None


writer_queue = WriterQueue()


@lru_cache
def reserve_of(database: str) -> Reserve:
    return Reserve(Path(database))


def is_full(fault: BaseException | None) -> bool:
    """Whether SQLite had no room (SQLITE_FULL)."""
    return getattr(fault, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


class Cursor(base.SQLiteCursorWrapper):
    """Repeats a statement outside a transaction if letting the reserve go has made room for it.

    Inside one SQLite may have rolled back what came before, but there room is made before it begins.
    """

    wrapper: DatabaseWrapper

    def execute(self, query: str, params: Any = None) -> Any:
        try:
            return super().execute(query, params)
        except sqlite3.OperationalError as fault:
            if not is_full(fault) or not self.wrapper.reserve.release() or self.wrapper.in_atomic_block:
                raise
            return super().execute(query, params)


def with_question_marks(query: str) -> str:
    """SQL with the placeholders of Django (%s) as SQLite's driver wants them."""
    return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")


class DatabaseWrapper(base.DatabaseWrapper):
    _file: FileId | None = None
    _write_lock: threading.Lock | None = None

    def run(self, query: str, values: Sequence[Any], *, is_read: bool = False) -> sqlite3.Cursor:
        """Runs a statement with question marks by the driver itself: Django's cursors cost more than it."""
        if self.connection is None:
            self.ensure_connection()
        if self.queries_logged or not (is_read or self.in_atomic_block):
            cursor: Any = self.cursor()
            statement = query.replace("%", "%%").replace("?", "%s")
            cursor.execute(statement, values)
            return cursor
        with self.wrap_database_errors:
            return self.connection.execute(query, values)

    @property
    def reserve(self) -> Reserve:
        return reserve_of(str(self.settings_dict["NAME"]))

    def connect(self) -> None:
        """Takes a connection from the pool as it was left, or opens one."""
        file = file_id(self.settings_dict["NAME"])
        pooled = pool.take(file)
        if pooled is None:
            super().connect()
            return
        self.connection, self._file, self.autocommit = pooled, file, True
        self.savepoint_ids, self.atomic_blocks, self.run_on_commit = [], [], []
        self.in_atomic_block = self.needs_rollback = False
        self.closed_in_transaction = self.errors_occurred = False
        self.close_at = time.monotonic() + (self.settings_dict["CONN_MAX_AGE"] or 0)

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        self.reserve.release_if_low()  # a first connection writes the index of the write-ahead log
        connection = super().get_new_connection(conn_params)
        self._file = file_id(conn_params["database"])  # the file may exist only since it was opened
        return connection

    def create_cursor(self, _name: str | None = None) -> Cursor:
        cursor: Cursor = self.connection.cursor(factory=Cursor)
        cursor.wrapper = self
        return cursor

    def _start_transaction_under_autocommit(self) -> None:
        self._write_lock = writer_queue.enter(self._file)
        try:
            self.reserve.release_if_low()
            cursor = self.cursor() if self.queries_logged else self.create_cursor()
            with self.wrap_database_errors:
                cursor.execute(BEGIN)
        except BaseException:
            self._leave_queue()
            raise

    def _leave_queue(self) -> None:
        lock, self._write_lock = self._write_lock, None
        if lock:
            lock.release()

    def _commit(self) -> None:
        try:
            super()._commit()  # type: ignore[misc]
        except DatabaseError as fault:
            if is_full(fault.__cause__):
                self.reserve.release()  # for the next try
            raise
        self._leave_queue()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._leave_queue()

    def _close(self) -> None:
        """Returns the connection to the pool, unless it is inside a transaction or has failed."""
        connection, file = self.connection, self._file
        unfit = self.errors_occurred or self.in_atomic_block or connection.in_transaction
        try:
            if unfit or file is None or not pool.put(file, connection):
                connection.close()
        finally:
            self._leave_queue()

"""Outages of database and store: a line when one begins, one when it is over; whether a disk is full."""

import errno
import logging
import sqlite3
import threading
import time
from typing import Any

from django.db import Error, InterfaceError, OperationalError
from django.db.backends.signals import connection_created

log = logging.getLogger(__name__)

AWAY = (OperationalError, InterfaceError)
"""What the database's driver raises when it cannot be asked; a mistake in a statement is another error."""
DISK_FULL = "53100"
"""The SQLSTATE with which PostgreSQL says that its disk has no room."""
TOO_LONG = ("55P03", "57014")
"""The SQLSTATEs with which it ends a statement by its lock_timeout or statement_timeout."""
UNSURE = ("08", "40003", "57P")
"""How the SQLSTATE begins with which a connection ends, perhaps after what it was asked for was done."""
QUIET_SECONDS = 60.0
"""An outage that nothing has met for as long as this is over."""


def is_full(fault: BaseException) -> bool:
    """Whether the database or a file could not be written because a disk, or a quota, has no room.

    Every way in answers that with 507 (RFC 4918, 11.5), since somebody has to make room; 503 is for what
    passes by itself.
    """
    if isinstance(fault, OSError):
        return fault.errno in (errno.ENOSPC, errno.EDQUOT)
    is_sqlites = getattr(fault.__cause__, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return is_sqlites or sqlstate_of(fault) == DISK_FULL


def sqlstate_of(fault: BaseException) -> str | None:
    """PostgreSQL's code of it; None if the server said nothing."""
    return getattr(fault.__cause__, "sqlstate", None)


def is_unsure(fault: BaseException) -> bool:
    """Whether what failed may have been committed.

    PostgreSQL's connection ended before it said so; or SQLite's log was written, but could not be synced,
    so that it counts if the next process finds it.
    """
    if not isinstance(fault, AWAY) or fault.__cause__ is None:
        return False
    if hasattr(fault.__cause__, "sqlite_errorcode"):
        return fault.__cause__.sqlite_errorcode & 0xFF == sqlite3.SQLITE_IOERR
    code = sqlstate_of(fault)
    return code is None or code.startswith(UNSURE)


def words_of(fault: Exception) -> str:
    """What is said of it, without the piece of a statement that PostgreSQL adds, where names may stand."""
    said = getattr(fault.__cause__, "diag", None)
    return (said and said.message_primary) or str(fault)


class Outage:
    """Whether something answers, as this process has last seen it. Safe in any thread."""

    def __init__(self, name: str, fault: str = "did not answer") -> None:
        self.name, self.fault = name, fault
        self._lock = threading.Lock()
        self._began = self._met = 0.0
        self._lasts = False

    def met(self, fault: Exception) -> None:
        """Something has failed: a line if it is the first of this outage."""
        now = time.monotonic()
        with self._lock:
            is_new = not self._lasts or now - self._met > QUIET_SECONDS
            self._began, self._met, self._lasts = now if is_new else self._began, now, True
        if is_new:
            why = " ".join(words_of(fault).split())[:300]
            log.error("%s %s", self.name, self.fault, extra={"facts": {"fault": why}})

    def over(self) -> None:
        """It was reached: a line if it was away."""
        with self._lock:
            lasted, self._lasts = self._lasts, False
        if lasted:
            log.warning("%s answers again after %.0f s", self.name, time.monotonic() - self._began)


database, store = Outage("the database"), Outage("the blob store")
room = Outage("the database's disk", "has no room")
slow = Outage("the database", "ended a statement that took too long")
"""Both are over when nothing has met them for a while: that the database can be read says nothing of them."""


def database_failed(fault: Exception) -> None:
    """Notes one of AWAY: the database did not answer, could not write for want of room, or took too long."""
    met = room if is_full(fault) else slow if sqlstate_of(fault) in TOO_LONG else database
    met.met(fault)


def tell(fault: Error, what: str, *args: object, logger: logging.Logger) -> None:
    """Says that something could not be written: in one line for a whole outage, else with its traceback."""
    if isinstance(fault, AWAY):
        database_failed(fault)
        logger.warning(what, *args)
    else:
        logger.error(what, *args, exc_info=fault)


def _connected(connection: Any, **kwargs: Any) -> None:
    # A file can always be opened, so that with SQLite a connection says nothing.
    if connection.vendor != "sqlite":
        database.over()


connection_created.connect(_connected)

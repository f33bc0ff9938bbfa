"""A service for one test after the other: emptied between two, since to start one costs more than a test.

Whatever a test has stopped, started anew or given other settings is not used again.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg

from tests.parts.eventually import eventually
from tests.parts.invariants import wait_until_idle
from tests.parts.postgres import all_rows
from tests.parts.shared_service import SharedService
from tests.parts.storage import blobs

KEPT = {"django_migrations", "django_content_type", "auth_permission", "filsluss_installation"}
KEPT |= {"filsluss_node"}
"""Tables that a service has rows in before anybody has used it."""
DATABASE = "filsluss.sqlite3"
OPEN = ("01", "08")
"""Connections in /proc/net/tcp that the service has not closed: ESTABLISHED and CLOSE_WAIT."""


def empty(service: SharedService) -> None:
    """Takes every row, blob, letter and line of the log away, once nothing is under way."""
    service.mail_server.forget()
    eventually(lambda: not connections_to(service.port), seconds=20)
    wait_until_idle(service, 20)
    if url := service.env.get("FILSLUSS_DATABASE_URL"):
        _empty_postgresql(url)
    else:
        _empty_sqlite(service)
    for blob in blobs(service).values():
        blob.unlink(missing_ok=True)
    service.mail_server.forget()
    os.truncate(service.log, 0)


def connections_to(port: int) -> int:
    """How many clients are connected there: a thread that answers one may still write rows."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(line[1].endswith(f":{port:04X}") and line[3] in OPEN for line in lines)


def _empty_sqlite(service: SharedService) -> None:
    named = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    path = service.data_dir / DATABASE
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        for (name,) in database.execute(named).fetchall():
            if name not in KEPT:
                database.execute(f'DELETE FROM "{name}"')
        database.execute("COMMIT")


def _empty_postgresql(url: str) -> None:
    named = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    with psycopg.connect(url) as server:
        server.execute(all_rows(name for (name,) in server.execute(named) if name not in KEPT))


class Emptied:
    """The service that the tests of a file use; `start` starts it, and makes it go until the stack ends."""

    def __init__(self, start: Callable[[ExitStack], SharedService]) -> None:
        self._start = start
        self._stack = ExitStack()
        self._service: SharedService | None = None
        self._as_started: tuple[object, ...] = ()

    def get(self) -> SharedService:
        """It runs, and nobody has used it."""
        if self._service and self._as_started != self._state(self._service):
            self.close()
        if self._service:
            try:
                empty(self._service)
            except AssertionError:  # a test has left something under way that does not end soon
                self.close()
        if self._service is None:
            self._service = self._start(self._stack)
            self._as_started = self._state(self._service)
        return self._service

    def close(self) -> None:
        self._service = None
        self._stack.close()

    @staticmethod
    def _state(service: SharedService) -> tuple[object, ...]:
        """What a test may have changed, so that the next one could not tell what it has got."""
        runs = service.process and service.process.pid, service.is_running
        return runs, service.port, dict(service.env), service.program[:]

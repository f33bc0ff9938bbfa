"""The connections themselves; Django looks for them in a file of this name."""

# A new connection reads the schema and registers Django's functions anew, and the last one to close writes
# the whole log back into the database: together more work than the rows of a small file's upload.

import os
import sqlite3
from typing import Any

from django.db.backends.sqlite3 import base

KEPT = 8

Place = tuple[int, int]


def place_of(path: Any) -> Place | None:
    """Which file lies there now; another one of that name is another database."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


class Shelf:
    """Open connections that nobody uses. A parent's are not the child's: it touches none of them."""

    def __init__(self) -> None:
        self._kept: list[tuple[Place, sqlite3.Connection]] = []
        self._parents: list[tuple[Place, sqlite3.Connection]] = []
        os.register_at_fork(after_in_child=self._leave)

    def _leave(self) -> None:
        self._parents += self._kept
        self._kept = []

    def take(self, place: Place | None) -> sqlite3.Connection | None:
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

    def put(self, place: Place, connection: sqlite3.Connection) -> bool:
        """Whether there was room for it."""
        if len(self._kept) >= KEPT:
            return False
        self._kept.append((place, connection))
        return True


shelf = Shelf()


class DatabaseWrapper(base.DatabaseWrapper):
    _place: Place | None = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        found = shelf.take(place_of(conn_params["database"]))
        connection = found or super().get_new_connection(conn_params)
        self._place = place_of(conn_params["database"])
        return connection

    def _close(self) -> None:
        """Puts it on the shelf, unless it is in the middle of something or has failed."""
        connection, place = self.connection, self._place
        unfit = self.errors_occurred or self.in_atomic_block or connection.in_transaction
        if unfit or place is None or not shelf.put(place, connection):
            connection.close()

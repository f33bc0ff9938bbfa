"""Says when another connection has written to the database: for SQLite what NOTIFY is for PostgreSQL."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from filsluss.sqlite.base import file_id

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
"""Between two looks. One costs a read of the shared index, and no statement of ours."""

Hearer = Callable[[str], None]


class Changes:
    """A thread that asks on a connection of its own whether the file has changed (`PRAGMA data_version`).

    What has changed is not known, so that every hearer is called with "", as when notices may be missed.
    """

    def __init__(self, database: Path | str) -> None:
        self._database = Path(database)
        self._hearers: list[Hearer] = []
        self._is_watching = False

    def hear(self, _channel: str, hearer: Hearer) -> None:
        self._hearers.append(hearer)

    def start(self) -> None:
        threading.Thread(target=self._watch, name="changes", daemon=True).start()

    def is_listening(self) -> bool:
        return self._is_watching

    def _watch(self) -> None:
        while True:
            try:
                with closing(sqlite3.connect(self._database, isolation_level=None)) as connection:
                    self._tell_changes(connection)
            except sqlite3.Error as fault:  # the jobs meet it, too, and tell of it
                log.debug("changes are not seen: %s", fault)
            self._is_watching = False
            time.sleep(LOOK_SECONDS)

    def _tell_changes(self, connection: sqlite3.Connection) -> None:
        """Returns when the file is another one, as after a restore."""
        file, seen = file_id(self._database), None
        while file and file == file_id(self._database):
            (version,) = connection.execute("PRAGMA data_version").fetchone()
            self._is_watching = True
            if version != seen:
                for hearer in self._hearers:
                    hearer("")
            seen = version
            time.sleep(LOOK_SECONDS)

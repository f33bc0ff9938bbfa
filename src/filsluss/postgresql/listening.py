"""This process's connection for LISTEN: what others NOTIFY is heard by whoever has asked for its channel."""

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

log = logging.getLogger(__name__)

RECONNECT_SECONDS = 1.0
"""From one try to connect to the next, at least: a connection that has lasted is opened again at once."""
IDENTITY = "pid || '.' || extract(epoch FROM backend_start)"
"""Of a connection in pg_stat_activity: a number of a process may come again, its start does not."""
WHO_WE_ARE = f"SELECT {IDENTITY} FROM pg_stat_activity WHERE pid = pg_backend_pid()"  # noqa: S608 -- a constant

Hearer = Callable[[str], None]


def listen(session: Any, channel: str) -> None:
    """Has the connection hear what is sent to the channel. LISTEN takes no parameter, so it is quoted."""
    from psycopg.sql import SQL, Identifier  # loading it takes time, and most installations have SQLite

    session.execute(SQL("LISTEN {}").format(Identifier(channel)))


class Listener:
    """A thread and a connection of its own, for every channel that somebody in this process hears.

    Neither survives a fork: a child that needs them starts its own.
    """

    def __init__(self, session: Callable[[], AbstractContextManager[Any]]) -> None:
        """`session` opens a connection like psycopg's that commits by itself and is nobody else's."""
        self._session = session
        self._hearers: dict[str, list[Hearer]] = {}
        self._mutex, self._pid = threading.Lock(), 0
        self._identity = ""
        self._is_known = threading.Event()

    def hear(self, channel: str, hearer: Hearer) -> None:
        """From now on it is called, in the listener's thread, with the payload of each notice.

        And with "" whenever the connection is there anew, as notices may have been missed. A channel must be
        named before the listener starts; raises RuntimeError.
        """
        if channel not in self._hearers and self._pid == os.getpid():
            raise RuntimeError(f"{channel}: this process listens already")
        self._hearers.setdefault(channel, []).append(hearer)

    def start(self) -> None:
        """Does nothing if it runs in this process."""
        with self._mutex:
            if self._pid != os.getpid():
                self._pid, self._is_known = os.getpid(), threading.Event()
                threading.Thread(target=self._listen, name="listener", daemon=True).start()

    def identity(self, patience: float) -> str:
        """The name of its connection, see IDENTITY; empty if there is none after so many seconds."""
        self.start()
        return self._identity if self._is_known.wait(patience) else ""

    def is_listening(self) -> bool:
        return self._pid == os.getpid() and self._is_known.is_set()

    def _listen(self) -> None:
        while True:
            began = time.monotonic()
            try:
                with self._session() as session:
                    self._hear_all(session)
            except Exception as fault:  # noqa: BLE001 - the database is away, and told of by whoever asks it
                log.debug("the listener's connection ended: %s", type(fault).__name__)
            self._is_known.clear()
            time.sleep(max(0.0, began + RECONNECT_SECONDS - time.monotonic()))

    def _hear_all(self, session: Any) -> None:
        for channel in self._hearers:
            listen(session, channel)
        (self._identity,) = session.execute(WHO_WE_ARE).fetchone()
        self._is_known.set()
        for channel in self._hearers:
            self._tell(channel, "")
        for notice in session.notifies():
            self._tell(notice.channel, notice.payload)

    def _tell(self, channel: str, payload: str) -> None:
        for hearer in tuple(self._hearers.get(channel, ())):
            hearer(payload)

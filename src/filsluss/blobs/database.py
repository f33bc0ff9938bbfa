"""What the table of parts and the locker of several machines need of PostgreSQL."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Cursor(Protocol):
    """A cursor of Python's DB-API (PEP 249) with parameters as %s."""

    @property
    def rowcount(self) -> int: ...

    def execute(self, query: Any, params: Any = None) -> object: ...

    def fetchall(self) -> list[tuple[Any, ...]]: ...


class Listener(Protocol):
    """This process's connection for LISTEN."""

    def hear(self, channel: str, hearer: Callable[[str], None]) -> None:
        """Calls it with the payload of each notice there, and with "" if some may have been missed."""

    def identity(self, patience: float) -> str:
        """The name of its connection, which ends with the process; empty if there is none in so many seconds.

        The process id of its server process, a dot, and when that began, as pg_stat_activity has them.
        """


class Database(Protocol):
    """PostgreSQL, as whoever made the store reaches it. Its own errors pass through to the caller."""

    @property
    def listener(self) -> Listener: ...

    def transaction(self) -> AbstractContextManager[Cursor]:
        """One transaction, or a part of the caller's; no connection is kept for it afterwards."""

    def let_go(self) -> None:
        """Gives back this thread's connection, before it waits for something else."""

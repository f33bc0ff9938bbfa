"""The database wrapper over psycopg's connection pool; Django imports `base` by this name."""

# Opening a connection starts a process at the server and takes 19 ms and more. Django's own wrapper keeps
# them in psycopg's pool (OPTIONS["pool"]). What is ours: the pool does not say why the server cannot be
# reached, finds out one by one that its connections died with the server, and does not survive a fork.

import atexit
import contextlib
import os
import select
import threading
import time
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from django.db import utils
from django.db.backends.postgresql import base
from django.utils.functional import cached_property
from psycopg import Connection, OperationalError
from psycopg.errors import IdleInTransactionSessionTimeout, ReadOnlySqlTransaction, TransactionTimeout
from psycopg.pq import ExecStatus
from psycopg_pool import PoolTimeout

QUEUE_SECONDS = 20.0
"""After so long in the queue a thread gives up, as with SQLite."""


def close_pools() -> None:
    """Before a fork, after which the child would lack the pool's threads; and before the program ends."""
    while base.DatabaseWrapper._connection_pools:  # type: ignore[attr-defined]
        _, pool = base.DatabaseWrapper._connection_pools.popitem()  # type: ignore[attr-defined]
        pool.close()


os.register_at_fork(before=close_pools)
atexit.register(close_pools)


def is_alive(connection: Connection[Any]) -> bool:
    """Asks the server only if it has said something unasked, such as that it ends; else this is free."""
    heard = select.poll()
    heard.register(connection.fileno(), select.POLLIN)
    if not heard.poll(0):
        return True
    try:
        connection.execute("")
    except OperationalError:
        return False
    return True


def is_cut(connection: Connection[Any]) -> bool:
    """Whether the server has hung up, or we have; also of one that another thread uses, or keeps unused."""
    heard = select.poll()
    try:
        heard.register(connection.fileno(), select.POLLRDHUP)
    except OperationalError:  # it is closed
        return True
    return bool(heard.poll(0))


def answers(connection: Connection[Any], seconds: float) -> bool:
    """Whether the server answers within so long. Raises OperationalError with what is said instead."""
    connection.pgconn.send_query(b"")
    heard = select.poll()
    heard.register(connection.fileno(), select.POLLIN)
    if not heard.poll(max(0, round(1000 * seconds))):
        return False
    result = connection.pgconn.get_result()
    if result is None or result.status == ExecStatus.FATAL_ERROR:
        raise OperationalError((result or connection.pgconn).error_message.decode(errors="replace").strip())
    return True


def close_quietly(cursor: Any) -> None:
    with contextlib.suppress(OperationalError):
        cursor.close()


away = threading.Event()
"""Set while the pool cannot open connections: then each thread asks the server itself, which says why."""


opened: WeakKeyDictionary[Connection[Any], Any] = WeakKeyDictionary()
"""Those that threads have had of a pool, and which pool: one that is not closed will be free again."""


class ErrorWrapper(utils.DatabaseErrorWrapper):
    """Takes a server that can only be read, as a standby, or that has ended a transaction, for away."""

    def __exit__(self, kind: Any, fault: Any, traceback: Any) -> None:
        if isinstance(fault, ReadOnlySqlTransaction | IdleInTransactionSessionTimeout | TransactionTimeout):
            if opened := self.wrapper.connection:  # type: ignore[attr-defined]
                opened.close()  # or it would come back to the pool, and to the next thread
            raise utils.OperationalError(*fault.args).with_traceback(traceback) from fault
        super().__exit__(kind, fault, traceback)


class DatabaseWrapper(base.DatabaseWrapper):
    @cached_property
    def wrap_database_errors(self) -> ErrorWrapper:
        return ErrorWrapper(self)

    def chunked_cursor(self) -> Any:
        """What reads many rows. Closing it asks the server, and Django translates no error of that.

        Nobody needs the answer: the rows have been read, or it was broken off by an error of its own.
        """
        cursor: Any = super().chunked_cursor()
        cursor.close = partial(close_quietly, cursor.cursor)
        return cursor

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection[Any]:
        """One of the pool. Raises OperationalError, which says why if the server cannot be reached."""
        end = time.monotonic() + QUEUE_SECONDS
        while True:
            pool = self.pool
            if away.is_set() and not (pool and pool.get_stats()["pool_available"]):
                self._ask_why(conn_params, end)
            try:
                connection: Connection[Any] = super().get_new_connection(conn_params)
            except PoolTimeout:
                if time.monotonic() >= end:
                    raise
                if pool.get_stats()["pool_size"] < pool.max_size:
                    away.set()
                continue
            if is_alive(connection):
                opened[connection] = pool
                return connection
            connection.close()
            pool.putconn(connection)
            pool.drain()  # the others are as old

    def _ask_why(self, conn_params: dict[str, Any], end: float) -> None:
        """Raises what the server says, unless others use connections of ours, for which we can wait.

        A pooler opens a connection at once, and says that it has none to the server when that is asked.
        """
        try:
            with contextlib.closing(self.Database.connect(**conn_params)) as asked:
                if answers(asked, end - time.monotonic()):
                    away.clear()
        except OperationalError:
            # keyrefs() is taken in one step; other threads add to it meanwhile.
            ours = (each for ref in opened.keyrefs() if (each := ref()) and opened.get(each) is self.pool)
            if all(is_cut(each) for each in ours):
                raise

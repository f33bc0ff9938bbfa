"""This thread's connection for parts that write SQL of their own, and one beside the pool for LISTEN."""

import contextlib
import secrets
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, connections, transaction

from filsluss.postgresql.listening import Listener, listen

NOTICE_SECONDS = 3.0
"""How long `hears_notices` waits for one."""


@contextlib.contextmanager
def direct_session() -> Iterator[Any]:
    """A connection of its own, which commits by itself, to the server and not to a pooler before it.

    The server notices within half a minute that our machine is gone, and we that it is. Errors of the
    database are raised as Django's, also those of the caller's statements.
    """
    with connection.wrap_database_errors, contextlib.closing(connect_directly()) as opened:
        opened.autocommit = True
        opened.execute("SET tcp_keepalives_idle = 10")
        opened.execute("SET tcp_keepalives_interval = 5")
        opened.execute("SET tcp_keepalives_count = 3")
        yield opened


def connect_directly() -> Any:
    return connection.Database.connect(**direct_parameters())  # type: ignore[attr-defined]


def direct_parameters() -> dict[str, Any]:
    """How psycopg reaches the server: as the pool does, unless an address of its own is set for it."""
    ours = connections["default"]
    if settings.DATABASE_DIRECT:
        ours = type(ours)({**ours.settings_dict, **settings.DATABASE_DIRECT}, "direct")
    return dict(ours.get_connection_params())


LISTENER = Listener(direct_session)
"""This process's."""


class Sessions:
    """A `Database` of `filsluss.blobs`: statements join the caller's transaction, if there is one."""

    listener = LISTENER

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Any]:
        was_in_use = connection.connection is not None
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                yield cursor
        finally:
            if not was_in_use:
                self.let_go()

    def let_go(self) -> None:
        if not connection.in_atomic_block:
            connection.close()


def database_clock() -> datetime:
    """The server's time. Raises DatabaseError."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        ((now,),) = cursor.fetchall()
    assert isinstance(now, datetime)
    return now


def takes_writes() -> bool:
    """Whether the server may be written to, which a standby may not. Raises DatabaseError."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        return cursor.fetchall() == [("off",)]


def hears_notices() -> bool:
    """Whether a notice sent over the pool is heard on the direct connection: never behind some poolers."""
    channel = f"filsluss_check_{secrets.token_hex(8)}"
    with direct_session() as session:
        listen(session, channel)
        with Sessions().transaction() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [channel])
        return any(True for _ in session.notifies(timeout=NOTICE_SECONDS, stop_after=1))

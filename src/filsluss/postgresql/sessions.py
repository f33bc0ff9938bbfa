"""This thread's connection for parts that write SQL of their own, and one beside the pool for LISTEN."""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction


class Sessions:
    """A `Database` of `filsluss.blobs`: statements join the caller's transaction, if there is one."""

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

    @contextlib.contextmanager
    def session(self) -> Iterator[Any]:
        """The server notices within half a minute that our machine is gone, and we that it is."""
        opened = connection.Database.connect(**connection.get_connection_params())  # type: ignore[attr-defined]
        with contextlib.closing(opened):
            opened.autocommit = True
            for setting, seconds in (("idle", 10), ("interval", 5)):
                opened.execute(f"SET tcp_keepalives_{setting} = {seconds}")
            opened.execute("SET tcp_keepalives_count = 3")
            yield opened

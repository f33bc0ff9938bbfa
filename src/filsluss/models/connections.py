"""Giving back a database connection while nothing of it is needed."""

from django.db import connection


def let_go() -> None:
    """Before this thread waits for a mail server, a scanner, a client, a lock: others need the connection.

    Does nothing inside a transaction. The next query takes one again.
    """
    if not connection.in_atomic_block:
        connection.close()

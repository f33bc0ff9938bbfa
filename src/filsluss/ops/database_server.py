"""Whether PostgreSQL takes writes, and has the same time as this machine."""

from datetime import UTC, datetime

from django.db import connection

from filsluss.ops.findings import CheckFailed
from filsluss.postgresql.sessions import database_clock, takes_writes

MOST_APART = 60.0
"""Seconds by which a machine's clock and the server's may differ: each machine ends accounts by its own."""


def is_server() -> bool:
    """Whether the database is another program's, perhaps on another machine."""
    return connection.vendor == "postgresql"


def require_writable() -> None:
    """Raises CheckFailed for a server that can only be read."""
    if is_server() and not takes_writes():
        raise CheckFailed("can only be read, as a standby: name the server that takes writes")


def require_same_time() -> None:
    """Raises CheckFailed if the clocks are too far apart."""
    if not is_server():
        return
    ahead = (datetime.now(UTC) - database_clock()).total_seconds()
    if abs(ahead) > MOST_APART:
        way = "ahead of" if ahead > 0 else "behind"
        raise CheckFailed(f"is {abs(ahead):.0f} s {way} the database's: set both by NTP")

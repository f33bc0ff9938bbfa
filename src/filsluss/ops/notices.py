"""Whether the notices by which PostgreSQL wakes jobs, and nodes ask each other for uploads, are heard."""

from django.conf import settings
from django.db import DatabaseError, connection

from filsluss.conf.names import Name
from filsluss.ops.findings import CheckFailed
from filsluss.postgresql.sessions import hears_notices


def require_notices() -> None:
    """Raises CheckFailed if LISTEN hears nothing: then jobs start late, and uploads change nodes slowly."""
    if connection.vendor != "postgresql":
        return
    direct = bool(settings.DATABASE_DIRECT)
    try:
        is_heard = hears_notices()
    except DatabaseError as fault:
        name = Name.DATABASE_DIRECT_URL if direct else Name.DATABASE_URL
        raise CheckFailed(f"{name}: {str(fault).splitlines()[0]}") from None
    if not is_heard and direct:
        raise CheckFailed(
            f"{Name.DATABASE_DIRECT_URL} hears no notices (LISTEN): it must lead to the server that "
            f"{Name.DATABASE_URL} leads to, and not through a pooler"
        )
    if not is_heard:
        raise CheckFailed(
            "hears no notices (LISTEN), as behind a pooler that keeps no sessions: set "
            f"{Name.DATABASE_DIRECT_URL} to the server's own address"
        )

"""Wipe: what was blanked or forgotten leaves the database's own files too."""

from django.db import connection


def truncate_log() -> None:
    """Empties SQLite's write-ahead log, in which the earlier text of a row lies on for as long as it likes.

    The database itself overwrites what it deletes (`secure_delete`). A reader who is in the way is not
    waited for: the next time will do. PostgreSQL keeps its log for its own purposes.
    """
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 0")  # or nobody could write for as long as we waited
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.execute("PRAGMA busy_timeout = 20000")  # what env.py has every connection begin with

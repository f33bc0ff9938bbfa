"""Checkpoint: text that was blanked or deleted is removed from the database's own files, too."""

from django.db import connection


def truncate_log() -> int:
    """Empties SQLite's write-ahead log, which keeps earlier versions of rows until it is reused.

    The database file itself is overwritten (`PRAGMA secure_delete`). If a reader still needs the log, the
    next run empties it. PostgreSQL's log is left to PostgreSQL. Returns 0: nothing is left to do.
    """
    if connection.vendor != "sqlite":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 0")  # while a checkpoint waits, nobody can write
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.execute("PRAGMA busy_timeout = 20000")  # `timeout` in conf/databases.py
    return 0

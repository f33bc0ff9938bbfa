"""A copy of the SQLite database before its tables are migrated: the way back, should the upgrade fail."""

import logging
import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection

from filsluss.ops.tables import are_empty
from filsluss.sqlite.copies import PATTERN

log = logging.getLogger(__name__)


def copy_before_migrating() -> None:
    """Copies a database of SQLite that has rows; raises CommandError if there is no room."""
    now = datetime.now(UTC)
    if connection.vendor != "sqlite" or are_empty():
        return
    database = Path(settings.DATABASES["default"]["NAME"])
    need, free = database.stat().st_size, shutil.disk_usage(settings.DATA_DIR).free
    if free < 3 * need:
        raise CommandError(
            f"an upgrade needs {3 * need >> 20} MiB beside the database, and {free >> 20} are free"
        )
    copy = settings.DATA_DIR / PATTERN.replace("*", f"{now:%Y%m%dT%H%M%S}")
    write_copy(database, copy)
    log.info("the database before the upgrade was copied", extra={"facts": {"copy": copy}})


def write_copy(database: Path, copy: Path) -> None:
    """One moment of the database, by SQLite's backup API; a copy under its name is whole."""
    part = copy.with_suffix(".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(part)) as target:
        source.backup(target)
    part.rename(copy)

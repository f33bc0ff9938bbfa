"""`filsluss backup FOLDER`: a data folder that another house can be started from, while this one works."""

import contextlib
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from filsluss.blobs import BlobMissing, Store, open_store
from filsluss.blobs.disk import sync_folder

PIECE = 1 << 20


class Command(BaseCommand):
    help = "Writes database, secret key and blobs to a new folder; the service may go on meanwhile."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="must not exist yet, or be empty")
        erased = "so that no file outlives the erasure that people were promised"
        parser.add_argument("--without-blobs", action="store_true", help=erased)

    def handle(self, *args: Any, folder: Path, without_blobs: bool, **options: Any) -> None:
        make_empty(folder)
        # Rows first: a blob without a row is erased by and by, a row without its blob is a file lost.
        self.stdout.write(back_up_rows(folder))
        if (key := settings.DATA_DIR / "secret_key").exists():
            shutil.copy2(key, folder / "secret_key")
            self.stdout.write("secret key: copied")
        if not without_blobs:
            count = back_up_blobs(open_store(settings.BLOB_URL), open_store((folder / "blobs").as_uri()))
            self.stdout.write(f"blobs: {count} copied")
        sync_folder(folder)


def make_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CommandError(f"{folder} is there and not empty: name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


def back_up_rows(folder: Path) -> str:
    """One moment of the database (SQLite's backup API), proved to be whole."""
    if connection.vendor != "sqlite":
        return "database: not ours to copy; take it with pg_dump before this"
    copy = folder / "filsluss.sqlite3"
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL, 0o600))
    with (
        closing(sqlite3.connect(settings.DATABASES["default"]["NAME"])) as here,
        closing(sqlite3.connect(copy)) as there,
    ):
        here.backup(there)
        if there.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise CommandError("the copy of the database is not whole: is the disk sound?")
    return f"database: {copy.stat().st_size} bytes copied"


def back_up_blobs(here: Store, there: Store) -> int:
    """Every blob, as far as it has come; one that is erased meanwhile is none."""
    count = 0
    for name, _ in here.names():
        with contextlib.suppress(BlobMissing):
            copy_blob(name, here, there)
            count += 1
    return count


def copy_blob(name: str, here: Store, there: Store) -> None:
    with here.open(name) as blob:
        there.create(name)
        with there.writer(name) as writer:
            while piece := blob.read(PIECE):
                writer.write(piece)
            writer.sync()

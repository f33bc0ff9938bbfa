"""`filsluss backup FOLDER`: copies database, secret key and blobs while the service runs."""

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
    help = "Copies database, secret key and blobs to a new data folder; the service may run meanwhile."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="must not exist yet, or be empty")
        why = "leave out the files, so that the backup does not outlive their promised erasure"
        parser.add_argument("--without-blobs", action="store_true", help=why)

    def handle(self, *args: Any, folder: Path, without_blobs: bool, **options: Any) -> None:
        make_empty(folder)
        # Rows first: a blob without a row is an orphan and is erased, a row without its blob is a lost file.
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
        raise CommandError(f"{folder} exists and is not empty: name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


def back_up_rows(folder: Path) -> str:
    """Copies one consistent state of the database (SQLite's backup API) and verifies the copy."""
    if connection.vendor != "sqlite":
        return "database: not copied; back up PostgreSQL with pg_dump before this"
    copy = folder / "filsluss.sqlite3"
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL, 0o600))
    with (
        closing(sqlite3.connect(settings.DATABASES["default"]["NAME"])) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
        if target.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise CommandError("the copy of the database fails its integrity check: check the disk")
    return f"database: {copy.stat().st_size} bytes copied"


def back_up_blobs(source: Store, target: Store) -> int:
    """Copies every blob, incomplete ones too; returns their number. One erased meanwhile is skipped."""
    count = 0
    for name, _ in source.names():
        with contextlib.suppress(BlobMissing):
            copy_blob(name, source, target)
            count += 1
    return count


def copy_blob(name: str, source: Store, target: Store) -> None:
    with source.open(name) as blob:
        target.create(name)
        with target.writer(name) as writer:
            while piece := blob.read(PIECE):
                writer.write(piece)
            writer.sync()

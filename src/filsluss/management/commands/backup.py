"""`filsluss backup FOLDER`: copies database and blobs while the service runs, and the key elsewhere."""

import contextlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError, connection

from filsluss.blobs import BlobMissing, Store, open_store
from filsluss.blobs.disk import sync_folder
from filsluss.conf.names import Name
from filsluss.installation import is_in_bucket
from filsluss.management.os_account import note_command
from filsluss.management.printing import PrintingCommand
from filsluss.rules.security_events import Kind, Outcome

PIECE = 1 << 20


class Command(PrintingCommand):
    help = "Copies database and blobs to a new data folder; the service may run meanwhile."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="must not exist yet, or be empty")
        why = "leave out the files, so that the backup does not outlive their promised erasure"
        parser.add_argument("--without-blobs", action="store_true", help=why)
        where = "also copy the generated secret key to this file, which must not be in the folder"
        parser.add_argument("--with-key", type=Path, metavar="FILE", help=where)

    def handle(
        self, *args: Any, folder: Path, without_blobs: bool, with_key: Path | None, **options: Any
    ) -> None:
        if with_key:
            refuse_key_at(with_key, folder=folder)
        make_empty(folder)
        with contextlib.suppress(DatabaseError):  # before a migration there may be no table for it
            note_command(Kind.EXPORT, Outcome.BACKUP)
        # Rows first: a blob without a row is an orphan and is erased, a row without its blob is a lost file.
        self.say(back_up_rows(folder))
        self.say(f"secret key: {back_up_key(with_key)}")
        if is_in_bucket():
            self.say("blobs: not copied; the bucket's own replication keeps them")
        elif not without_blobs:
            count = back_up_blobs(open_store(settings.BLOB_URL), open_store((folder / "blobs").as_uri()))
            self.say(f"blobs: {count} copied")
        sync_folder(folder)


def generated_key() -> Path:
    return Path(settings.DATA_DIR) / "secret_key"


def refuse_key_at(place: Path, *, folder: Path) -> None:
    """A key beside the rows opens all that is encrypted in them. Raises CommandError."""
    if place.resolve().is_relative_to(folder.resolve()):
        raise CommandError(f"--with-key {place} is in the backup folder: name a place that is kept apart")
    if place.exists() or not place.absolute().parent.is_dir():
        raise CommandError(f"--with-key {place} exists, or its folder does not: name a new file")
    if not generated_key().exists() or generated_key().read_text().strip() != settings.SECRET_KEY:
        raise CommandError(f"--with-key: {Name.SECRET_KEY} is set, so the key is yours to keep")


def back_up_key(place: Path | None) -> str:
    """Copies the key to a file that only its owner can read; returns what was done."""
    if place is None:
        return "not copied; a restore needs it from elsewhere (see --with-key)"
    with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(generated_key().read_bytes())
        file.flush()
        os.fsync(file.fileno())
    sync_folder(place.absolute().parent)
    return f"copied to {place}"


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

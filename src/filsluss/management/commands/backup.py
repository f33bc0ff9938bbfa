"""`filsluss backup FOLDER`: copies database and blobs while the service runs, and the key elsewhere."""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError, connection

from filsluss.blobs import BlobMissing, Store, StoreFull, open_store
from filsluss.blobs.disk import DiskStore, sync_folder
from filsluss.conf.names import Name
from filsluss.installation import is_in_bucket
from filsluss.management import backup_series, postgresql_dump
from filsluss.management.manifest import BLOBS, DATABASE, DUMP, PIECE, Manifest, read, verified
from filsluss.management.os_account import note_command
from filsluss.management.printing import PrintingCommand
from filsluss.rules.security_events import Kind, Outcome
from filsluss.version import program_version


class Command(PrintingCommand):
    help = "Copies database and blobs to a new data folder; the service may run meanwhile."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="must not exist yet, or be empty")
        why = "leave out the files, so that the backup does not outlive their promised erasure"
        parser.add_argument("--without-blobs", action="store_true", help=why)
        where = "also copy the generated secret key to this file, which must not be in the folder"
        parser.add_argument("--with-key", type=Path, metavar="FILE", help=where)
        since = "an earlier backup on the same disk: what has not changed is linked, and takes no room"
        parser.add_argument("--since", type=Path, metavar="FOLDER", help=since)
        series = "the folder holds backups named by their time: adds one, and removes all but the newest N"
        parser.add_argument("--keep", type=int, metavar="N", help=series)
        parser.add_argument("--verify", action="store_true", help="compare a backup with its sums, and stop")

    def handle(self, *args: Any, folder: Path, verify: bool, keep: int | None, **options: Any) -> None:
        if verify:
            self.say(f"verified: {len(verified(folder).entries)} files are as they were written")
            return
        if keep is None:
            self.back_up(folder.resolve(), **options)
        elif keep < 1:
            raise CommandError(f"--keep {keep}: at least one must stay")
        else:
            self.add_to_series(folder.resolve(), keep, **options)

    def add_to_series(self, place: Path, keep: int, **options: Any) -> None:
        """Links what the backup before it has, too."""
        now = datetime.now(UTC)
        folder, before = backup_series.begin(place, now=now)
        self.back_up(folder, **{**options, "since": options["since"] or before})
        self.say(f"{folder}: whole; {backup_series.end(place, keep=keep, now=now)} earlier backups removed")

    def back_up(
        self, folder: Path, *, without_blobs: bool, with_key: Path | None, since: Path | None, **_: Any
    ) -> None:
        if with_key:
            refuse_key_at(with_key, folder=folder)
        earlier = read(since) if since else None
        with part_of(folder) as part:
            with contextlib.suppress(DatabaseError):  # before a migration there may be no table for it
                note_command(Kind.EXPORT, Outcome.BACKUP)
            manifest = Manifest(program_version(), datetime.now(UTC))
            # Rows first: a blob without a row is an orphan, a row without its blob is a lost file.
            self.say(back_up_rows(part, manifest))
            if is_in_bucket():
                self.say("blobs: not copied; the bucket's own replication keeps them")
            elif not without_blobs:
                linked = unchanged(since, earlier) if since and earlier else {}
                self.say(back_up_blobs(part, manifest, linked))
            manifest.write(part)
            self.say(f"secret key: {back_up_key(with_key)}")


@contextlib.contextmanager
def part_of(folder: Path) -> Iterator[Path]:
    """Where a backup is made; it gets its name when it is whole and on the disk, and otherwise goes."""
    part = made_part(folder)
    try:
        yield part
        for path in (part / "manifest.json", part):
            sync(path)
        part.rename(folder)
        sync_folder(folder.parent)
    except BaseException as fault:
        shutil.rmtree(part, ignore_errors=True)
        if isinstance(fault, StoreFull | sqlite3.Error | OSError):
            raise CommandError(f"{folder}: {str(fault) or 'the disk is full'}; nothing was kept") from None
        raise


def sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


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


def made_part(folder: Path) -> Path:
    """The new folder beside it. Raises CommandError if that cannot be made, or the folder holds something."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CommandError(f"{folder} exists and is not empty: name a new folder")
    part = folder.with_name(f"{folder.name}.part")
    if part.exists():
        raise CommandError(f"{part} is there: another backup makes it, or was killed; remove it")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.mkdir(mode=0o700)
    except OSError as fault:
        raise CommandError(f"{part} cannot be made: {fault.strerror}") from None
    return part


def back_up_rows(folder: Path, manifest: Manifest) -> str:
    """Copies one consistent state of the database (SQLite's backup API) and verifies the copy."""
    if connection.vendor != "sqlite":
        return dump_rows(folder, manifest)
    copy = folder / DATABASE
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL, 0o600))
    with (
        closing(sqlite3.connect(settings.DATABASES["default"]["NAME"])) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
        if target.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise CommandError("the copy of the database fails its integrity check: check the disk")
        if target.execute("PRAGMA foreign_key_check").fetchone():
            raise CommandError("the copy of the database has rows that refer to missing rows: check the disk")
    sync(copy)
    manifest.add(folder, DATABASE)
    return f"database: {copy.stat().st_size} bytes copied"


def dump_rows(folder: Path, manifest: Manifest) -> str:
    """One moment of PostgreSQL's rows, by pg_dump where it is installed."""
    if not postgresql_dump.is_installed(postgresql_dump.DUMP):
        return (
            "database: not copied; install pg_dump here (postgresql-client), or run it elsewhere before this"
        )
    postgresql_dump.dump(folder / DUMP)
    (folder / DUMP).chmod(0o600)
    sync(folder / DUMP)
    manifest.add(folder, DUMP)
    return f"database: {(folder / DUMP).stat().st_size} bytes dumped"


def unchanged(since: Path, earlier: Manifest) -> dict[str, Path]:
    """The blobs of an earlier backup that may be linked, by their paths in a backup."""
    return {path: since / path for path in earlier.entries if path.startswith(f"{BLOBS}/")}


def back_up_blobs(folder: Path, manifest: Manifest, earlier: dict[str, Path]) -> str:
    """Copies every blob, incomplete ones too, or links it; returns what was done. One erased is skipped."""
    source, target = open_store(settings.BLOB_URL), DiskStore(folder / BLOBS)
    counts = {"copied": 0, "linked": 0}
    for name, written_at in source.names():
        path = f"{BLOBS}/{target.below(name)}"
        with contextlib.suppress(BlobMissing):
            old = earlier.get(path)
            is_linked = old is not None and link(old, folder / path, source.size(name), written_at)
            if not is_linked:
                copy_blob(name, source, target)
            manifest.add(folder, path)
            counts["linked" if is_linked else "copied"] += 1
    return f"blobs: {counts['copied']} copied, {counts['linked']} linked"


def link(old: Path, new: Path, size: int, written_at: datetime) -> bool:
    """Links a blob that has the same size and was not written to since; False if it must be copied."""
    try:
        found = old.stat()
        if found.st_size != size or found.st_mtime < written_at.timestamp():
            return False
        new.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.link(old, new)
    except OSError:  # it is gone, or on another disk
        return False
    return True


def copy_blob(name: str, source: Store, target: Store) -> None:
    with source.open(name) as blob:
        target.create(name)
        with target.writer(name) as writer:
            while piece := blob.read(PIECE):
                writer.write(piece)
            writer.sync()

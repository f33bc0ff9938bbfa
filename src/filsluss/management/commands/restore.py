"""`filsluss restore FOLDER`: puts a backup into an installation that has nothing yet."""

import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import connection

from filsluss.actions import key_fingerprint
from filsluss.blobs import Store, StoreFull, open_store
from filsluss.blobs.disk import sync_folder
from filsluss.conf.names import Name
from filsluss.management import postgresql_dump
from filsluss.management.manifest import BLOBS, DATABASE, DUMP, PIECE, Manifest, verified
from filsluss.management.printing import PrintingCommand
from filsluss.ops.secret_key import OTHER_KEY


class Command(PrintingCommand):
    help = "Puts a backup into an empty installation, once it is verified; the key comes first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="what `filsluss backup` made")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        manifest, store = verified(folder), open_store(settings.BLOB_URL)
        refuse_what_is_there(store, manifest)
        try:
            self.say(f"blobs: {restore_blobs(folder, manifest, store)} restored")
        except StoreFull:
            raise CommandError("the disk is full: make room and restore again") from None
        self.say(restore_rows(folder, manifest))
        if {DATABASE, DUMP} & set(manifest.entries) and not key_fingerprint.is_known(
            settings.KEY_FINGERPRINTS
        ):
            raise CommandError(OTHER_KEY)
        self.say("now: filsluss migrate; filsluss reconcile; filsluss serve")


def database() -> Path | None:
    return Path(settings.DATABASES["default"]["NAME"]) if connection.vendor == "sqlite" else None


def refuse_what_is_there(store: Store, manifest: Manifest) -> None:
    """Raises CommandError unless there is no database, and no blob but those of an earlier try."""
    file = database()
    if file and file.exists():
        raise CommandError(f"{file} is there: restore into a data folder without a database")
    if (DATABASE if file else DUMP) not in manifest.entries and {DATABASE, DUMP} & set(manifest.entries):
        raise CommandError(f"the backup is of another kind of database than {Name.DATABASE_URL} names")
    if DUMP in manifest.entries and connection.introspection.table_names():
        raise CommandError(f"the database of {Name.DATABASE_URL} has tables: restore into an empty one")
    if DUMP in manifest.entries and not postgresql_dump.is_installed(postgresql_dump.RESTORE):
        raise CommandError("pg_restore is not installed here (postgresql-client)")
    known = {path.rpartition("/")[2] for path in manifest.entries}
    for name, _ in store.names():
        if name not in known:
            raise CommandError(
                f"{settings.BLOB_URL} holds blobs of another installation: name an empty folder"
            )


def restore_blobs(folder: Path, manifest: Manifest, store: Store) -> int:
    """Copies every blob; returns their number."""
    paths = [path for path in manifest.entries if path.startswith(f"{BLOBS}/")]
    for path in paths:
        name = path.rpartition("/")[2]
        if store.exists(name):
            store.erase(name)
        store.create(name)
        with (folder / path).open("rb") as blob, store.writer(name) as writer:
            while piece := blob.read(PIECE):
                writer.write(piece)
            writer.sync()
    return len(paths)


def restore_rows(folder: Path, manifest: Manifest) -> str:
    """Puts the database in its place, under its name only when it is whole; returns what was done."""
    file = database()
    if DUMP in manifest.entries:
        postgresql_dump.restore(folder / DUMP)
        return f"database: {manifest.entries[DUMP].size} bytes restored"
    if file is None or DATABASE not in manifest.entries:
        return "database: not restored; the backup has no rows"
    part = file.with_name(f"{file.name}.part")
    shutil.copyfile(folder / DATABASE, part)
    part.chmod(0o600)
    part.rename(file)
    sync_folder(file.parent)
    return f"database: {file.stat().st_size} bytes restored"

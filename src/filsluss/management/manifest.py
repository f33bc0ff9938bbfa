"""The manifest of a backup: what is in it and its sums, by which it is verified, restored and continued."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from django.core.management.base import CommandError

FILE = "manifest.json"
DATABASE, DUMP, BLOBS = "filsluss.sqlite3", "filsluss.pgdump", "blobs"
PIECE = 1 << 20


class Entry(NamedTuple):
    """One file: its size in bytes, and its SHA-256 in hexadecimal digits."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup holds, by paths relative to its folder; `made_at` is when it was begun."""

    version: str
    made_at: datetime
    entries: dict[str, Entry] = field(default_factory=dict)

    def add(self, folder: Path, path: str) -> None:
        """Adds a file that lies in the folder."""
        self.entries[path] = sum_of(folder / path)

    def write(self, folder: Path) -> None:
        text = json.dumps({**asdict(self), "made_at": self.made_at.isoformat()}, indent=1)
        (folder / FILE).write_text(text + "\n")


def sum_of(path: Path) -> Entry:
    """Size and sum of a file as it is on the disk."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
            size += len(piece)
    return Entry(size, digest.hexdigest())


def read(folder: Path) -> Manifest:
    """The manifest of the backup in the folder. Raises CommandError if there is none that can be read."""
    try:
        found: dict[str, Any] = json.loads((folder / FILE).read_text())
        entries = {path: Entry(int(size), str(sha256)) for path, (size, sha256) in found["entries"].items()}
        return Manifest(str(found["version"]), datetime.fromisoformat(found["made_at"]), entries)
    except FileNotFoundError:
        raise CommandError(f"{folder} has no {FILE}: it is no backup, or one that was not finished") from None
    except OSError as fault:
        raise CommandError(f"{folder / FILE} cannot be read: {fault.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise CommandError(f"{folder / FILE} cannot be read: {fault}") from None


def faults(folder: Path, manifest: Manifest) -> Iterator[str]:
    """What of the backup is not as the manifest says, in words."""
    for path, entry in manifest.entries.items():
        if not (folder / path).resolve().is_relative_to(folder.resolve()):
            yield f"{path} is not in the folder"
        elif not (folder / path).is_file():
            yield f"{path} is missing"
        elif sum_of(folder / path) != entry:
            yield f"{path} is not what was written"


def verified(folder: Path) -> Manifest:
    """The manifest of a backup that is whole. Raises CommandError, which says what is wrong with it."""
    manifest = read(folder)
    found = list(faults(folder, manifest))
    if found:
        raise CommandError(
            f"{folder}: {'; '.join(found[:3])}; {len(found)} of {len(manifest.entries)} are wrong"
        )
    return manifest

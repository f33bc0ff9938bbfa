"""Backups in a row in one folder: each named by its time, of which the newest stay."""

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.core.management.base import CommandError

FORMAT = "%Y-%m-%dT%H%M%SZ"
NAME = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z")
UNFINISHED_FOR = timedelta(days=1)
"""What is not finished after as long as this was killed."""


def begin(place: Path, *, now: datetime) -> tuple[Path, Path | None]:
    """The folder of a new backup, and the newest before it, if there is any. Raises CommandError."""
    if place.exists() and not place.is_dir():
        raise CommandError(f"{place} is no folder")
    before = whole(place)
    return place / now.astimezone(UTC).strftime(FORMAT), before[-1] if before else None


def whole(place: Path) -> list[Path]:
    """The backups that have their names, the oldest first; nothing else in the folder."""
    found = place.iterdir() if place.is_dir() else ()
    return sorted(path for path in found if NAME.fullmatch(path.name) and (path / "manifest.json").is_file())


def end(place: Path, *, keep: int, now: datetime) -> int:
    """Removes all but the newest, and what was killed on its way; how many backups are gone."""
    surplus = whole(place)[:-keep]
    for part in place.glob("*.part"):
        name = part.name.removesuffix(".part")
        if NAME.fullmatch(name) and name < (now.astimezone(UTC) - UNFINISHED_FOR).strftime(FORMAT):
            shutil.rmtree(part, ignore_errors=True)
    for each in surplus:
        (each / "manifest.json").unlink()  # first: what is half removed must not look whole
        shutil.rmtree(each)
    return len(surplus)

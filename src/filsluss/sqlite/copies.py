"""Copies of the database from before an upgrade: what they are called, and how long they are kept."""

from datetime import datetime, timedelta
from pathlib import Path

PATTERN = "before-upgrade-*.sqlite3"
KEPT = timedelta(days=7)
"""A copy outlives what people were promised is erased."""


def remove_old_copies(folder: Path, *, now: datetime) -> None:
    """Those that were kept long enough, also what a kill has left of one that was being written."""
    for suffix in (".sqlite3", ".part"):
        for copy in folder.glob(str(Path(PATTERN).with_suffix(suffix))):
            if now.timestamp() - copy.stat().st_mtime > KEPT.total_seconds():
                copy.unlink(missing_ok=True)

"""Where this process writes temporary files: inside the data folder, the only one that must be writable."""

import contextlib
import os
from pathlib import Path


def keep_below(data_dir: Path) -> Path:
    """Names the folder to Python, SQLite (which asks once, when it is loaded) and children; returns it."""
    folder = data_dir.absolute() / "tmp"
    os.environ["TMPDIR"] = os.environ["SQLITE_TMPDIR"] = str(folder)
    return folder


def make(folder: Path) -> None:
    """Whoever only reads needs none; without it the system's own is used."""
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)

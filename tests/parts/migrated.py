"""A database with all tables, made once and copied: making them takes as long as the rest of a start."""

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.parts.installation import environment, folder

DATABASE = "filsluss.sqlite3"


def migrate(data_dir: Path, **own: str) -> None:
    """Runs `filsluss migrate`, as `filsluss serve` does before it listens."""
    program = [sys.executable, "-m", "filsluss", "migrate", "--verbosity", "0"]
    subprocess.run(program, env=environment(data_dir, **own), stdin=subprocess.DEVNULL, check=True)


@cache
def sqlite_database() -> Path:
    """The file, closed and whole; it holds no secret key and knows of none."""
    made = folder("migrated")
    migrate(made)
    assert not list(made.glob(f"{DATABASE}-wal")), "it is still open"
    return made / DATABASE


def lay_down(data_dir: Path) -> None:
    """Gives a data folder that is not there yet a database with all tables and no rows."""
    data_dir.mkdir(mode=0o700, parents=True)
    shutil.copy(sqlite_database(), data_dir / DATABASE)

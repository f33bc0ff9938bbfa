"""A database with all tables, made once a run and copied: making them takes longer than a start does."""

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.parts.installation import environment, once_a_run

DATABASE = "filsluss.sqlite3"


def migrate(data_dir: Path, **own: str) -> None:
    """Runs `filsluss migrate`, as `filsluss serve` does before it listens."""
    program = [sys.executable, "-m", "filsluss", "migrate", "--verbosity", "0"]
    subprocess.run(program, env=environment(data_dir, **own), stdin=subprocess.DEVNULL, check=True)


@cache
def sqlite_database() -> Path:
    """The file, closed and whole; it holds no secret key and knows of none."""
    made = once_a_run("migrated", migrate) / DATABASE
    assert not made.with_name(f"{DATABASE}-wal").exists(), "it is still open"
    return made


def lay_down(data_dir: Path) -> None:
    """Gives a data folder that is not there yet a database with all tables and no rows."""
    data_dir.mkdir(mode=0o700, parents=True)
    shutil.copy(sqlite_database(), data_dir / DATABASE)

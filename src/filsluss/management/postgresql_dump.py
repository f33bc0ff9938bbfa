"""The rows of PostgreSQL in one file, by its own pg_dump and pg_restore."""

import os
import shutil
import subprocess
from pathlib import Path

from django.core.management.base import CommandError
from django.db import connection
from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo

DUMP, RESTORE = "pg_dump", "pg_restore"
NOBODYS = ("--no-owner", "--no-privileges")
"""Another installation may have another user."""


def is_installed(program: str) -> bool:
    return shutil.which(program) is not None


def dump(file: Path) -> None:
    """Writes one moment of all rows to the new file (pg_dump, "custom"). Raises CommandError."""
    _run(DUMP, "--format=custom", f"--file={file}", *NOBODYS)


def restore(file: Path) -> None:
    """Brings the rows of a dump into the empty database, all or none. Raises CommandError."""
    _run(RESTORE, "--single-transaction", "--exit-on-error", *NOBODYS, str(file))


def _run(program: str, *words: str) -> None:
    """The password goes into the environment: other users can read the words of a command."""
    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    given = {name: value for name, value in connection.get_connection_params().items() if name in known}
    password = str(given.pop("password", None) or "")
    line = [program, *words, f"--dbname={make_conninfo(**given)}", "--no-password"]
    env = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    # The words are ours and the operator's settings, and no shell reads them.
    ran = subprocess.run(line, env=env, capture_output=True, text=True, check=False)  # noqa: S603
    if ran.returncode:
        said = ran.stderr.strip().splitlines() or [f"exit status {ran.returncode}"]
        raise CommandError(said[0] if said[0].startswith(program) else f"{program}: {said[0]}")

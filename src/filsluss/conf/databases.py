"""How the settings of the database are read: SQLite in the data folder, or PostgreSQL by its URL."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url

from filsluss.postgresql import POOL

CONTROL = re.compile("[\x00-\x1f\x7f]")


def sqlite(data_dir: Path) -> dict[str, Any]:
    """Django's settings of SQLite, durable through a power cut."""
    options = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
        "PRAGMA secure_delete=ON;",
    }
    return {
        "ENGINE": "filsluss.sqlite",
        "NAME": str(data_dir / "filsluss.sqlite3"),
        "OPTIONS": options,
        "TEST": {"NAME": str(data_dir / "test.sqlite3")},
    }


def postgresql(url: str) -> dict[str, Any] | None:
    """Django's settings of the database of the URL; None if it is empty.

    The parser's own error is not shown: it may contain a part of the password.
    """
    if not url:
        return None
    if urlsplit(url).scheme not in ("postgresql", "postgres"):
        raise ValueError("must begin with postgresql://")
    if CONTROL.search(unquote(url)):
        raise ValueError("holds a sign that nobody sees; % in a password as %25")
    try:
        if urlsplit(url).port == 0:
            raise ValueError("port")
        database = dict(dj_database_url.parse(url, engine="filsluss.postgresql", conn_max_age=0))
    except ValueError:
        raise ValueError(
            "must be postgresql://user:password@host/name; / : @ in a password as %2F …"
        ) from None
    if not database["NAME"] or urlsplit(url).fragment:
        raise ValueError("names no database: postgresql://host/name")
    options: Any = database.get("OPTIONS", {})
    if unknown := sorted({*options} - _connection_parameters()):
        raise ValueError(f"has {unknown[0]!r} after its ?, which is no parameter of PostgreSQL's connections")
    return {**database, "OPTIONS": {**options, "pool": POOL}}


def _connection_parameters() -> set[str]:
    """The names that PostgreSQL's library knows (libpq, "Parameter Key Words")."""
    from psycopg.pq import Conninfo  # loading it takes time, and most installations have SQLite

    return {option.keyword.decode() for option in Conninfo.get_defaults()}

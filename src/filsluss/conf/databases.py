"""How the settings of the database are read: SQLite in the data folder, or PostgreSQL by its URL."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from filsluss.postgresql import POOL

CONTROL = re.compile("[\x00-\x1f\x7f]")
PORT = re.compile("|[1-9][0-9]{0,4}")
SILENT_HOST = {
    "connect_timeout": "3",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}
"""When a machine that says nothing is given up (libpq, "Parameter Key Words"): seconds, the last in ms.

Linux waits two minutes for a connection, fifteen for what is under way on one, and two hours before it asks
after one that is idle. What the URL says wins.
"""
MALFORMED = "must be postgresql://user:password@host/name; / : @ in a password as %2F …"


def sqlite(data_dir: Path) -> dict[str, Any]:
    """Django's settings of SQLite, durable through a power cut."""
    options = {
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
    """Django's settings of the database of the URL, which may name several hosts; None if it is empty.

    What is wrong is told without the URL's own words, which may be a part of the password.
    """
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError("must begin with postgresql://")
    if CONTROL.search(unquote(url)):
        raise ValueError("holds a sign that nobody sees; % in a password as %25")
    if unknown := sorted({name for name, _ in parse_qsl(parts.query)} - _known_parameters()):
        raise ValueError(f"has {unknown[0]!r} after its ?, which is no parameter of PostgreSQL's connections")
    given = parts.netloc.rpartition("@")[2]
    found = _read_by_libpq(f"postgresql://{given}{parts.path}?{parts.query}")
    name, hosts, ports = (found.pop(each, "") for each in ("dbname", "host", "port"))
    if not all(map(PORT.fullmatch, ports.split(","))):
        raise ValueError(MALFORMED)
    if not name or parts.fragment:
        raise ValueError("names no database: postgresql://host/name")
    who = {"USER": unquote(parts.username or ""), "PASSWORD": unquote(parts.password or "")}
    where = {"HOST": hosts, "PORT": ports, "NAME": name}
    return {
        "ENGINE": "filsluss.postgresql",
        **who,
        **where,
        "OPTIONS": {**SILENT_HOST, **found, "pool": POOL},
    }


def _read_by_libpq(url: str) -> dict[str, str]:
    """The parameters that the URL gives (libpq, "Connection URIs"), by their names there."""
    from psycopg import OperationalError, pq  # loading it takes time, and most installations have SQLite

    try:
        given = {each.keyword: each.val for each in pq.Conninfo.parse(url.encode())}
        return {name.decode(): text.decode() for name, text in given.items() if text is not None}
    except (OperationalError, UnicodeError):
        raise ValueError(MALFORMED) from None


def _known_parameters() -> set[str]:
    """The names that PostgreSQL's library knows (libpq, "Parameter Key Words")."""
    from psycopg import pq  # as above

    return {option.keyword.decode() for option in pq.Conninfo.get_defaults()}

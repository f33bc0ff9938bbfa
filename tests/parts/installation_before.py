"""The kept installation of the version before, loaded as if it had been made now: see tests/data/before."""

import gzip
import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from filsluss.rules.tokens import Purpose, derive_key, link_token
from tests.parts.many_before import digest_column
from tests.parts.postgres import USER, Postgres
from tests.parts.service import Body, Response, Service

FOLDER = Path(__file__).parent.parent / "data" / "before"
INSIDE = "10.1.2.3"
"""A client on the inside network of its settings."""

OWNERS = {
    Purpose.UPLOAD: "sender",
    Purpose.STATUS_SENDER: "sender",
    Purpose.STATUS_RECIPIENT: "recipient",
    Purpose.DECIDE: "approver",
    Purpose.STATUS_APPROVER: "approver",
    Purpose.DOWNLOAD: "recipient",
    Purpose.PICKUP: "recipient",
}
"""Whose a link of that purpose is; the last two are links to one file."""
OF_A_FILE = (Purpose.DOWNLOAD, Purpose.PICKUP)
NEVER_SENT_OUTBOUND = (Purpose.DECIDE, Purpose.STATUS_APPROVER)

Row = dict[str, Any]


@cache
def contents() -> dict[str, Any]:
    """contents.json, which tells both installations."""
    return dict(json.loads((FOLDER / "contents.json").read_text()))


@dataclass(frozen=True)
class Link:
    """A link that somebody was given: `seen_in` a letter, an answer or a queued letter."""

    case: str
    file: str
    purpose: str
    path: str
    seen_in: str
    method: str
    status: int

    @property
    def token(self) -> str:
        return self.path.split("/")[2]


@dataclass(frozen=True)
class DerivedLink:
    """A link that the version before could derive from a row; `was_sent` is whether it ever would send it."""

    transfer: Row
    file: Row | None
    purpose: Purpose
    token: str
    was_sent: bool

    @property
    def path(self) -> str:
        page = self.purpose.value.partition("-")[0]
        return f"/{'download' if page == 'pickup' else page}/{self.token}"

    @property
    def digest(self) -> str:
        """As the row kept it."""
        return str((self.file or self.transfer)[digest_column(self.purpose)])


class InstallationBefore(Service):
    """A copy of it behind a proxy of its own name, with its tables as they were until `migrate` is run.

    `before` are its rows by table; `cases`, `letters` and so on are what contents.json says of it.
    """

    def __init__(self, data_dir: Path, database: str, **own: str) -> None:
        settings = {name: text for name, text in contents()["settings"].items() if name != "SECRET_KEY"}
        super().__init__(data_dir, **{**settings, **own})
        self.database = database
        self.told: dict[str, Any] = contents()["databases"][database]
        self.cases: dict[str, Any] = self.told["cases"]
        self.letters: list[Row] = self.told["letters"]
        self.client = INSIDE
        self.before: dict[str, list[Row]] = {}

    def request(
        self, method: str, path: str, body: Body = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        host = self.env["FILSLUSS_BASE_URL"].partition("://")[2]
        return super().request(
            method, path, body, {"Host": host, "X-Forwarded-For": self.client, **(headers or {})}
        )

    def files(self) -> Iterator[tuple[str, str, Row]]:
        """The label of the case, the label of the file, and what is told of it."""
        for case, told in self.cases.items():
            for label, file in told["files"].items():
                yield case, label, file

    def file(self, wanted: str) -> Row:
        return next(file for _, label, file in self.files() if label == wanted)

    def label_of(self, public_id: str) -> str:
        """The label of the case with that public id; the id itself if it is none of these."""
        return next(
            (label for label, case in self.cases.items() if case["public_id"] == public_id), public_id
        )

    def links(self) -> Iterator[Link]:
        for case, told in self.cases.items():
            for link in told["links"]:
                yield Link(case, "", **link)
        for case, label, file in self.files():
            for link in file["links"]:
                yield Link(case, label, **link)

    def derived_links(self) -> Iterator[DerivedLink]:
        """Every link of every row: nobody decides outbound, or is told of a file that was never ready."""
        key = derive_key(contents()["settings"]["SECRET_KEY"], "link")
        transfers = {row["id"]: row for row in self.before["filsluss_transfer"]}
        for row in transfers.values():
            for purpose in [purpose for purpose in OWNERS if purpose not in OF_A_FILE]:
                token = link_token(key, purpose=purpose, row=row["public_id"], nonce=row["nonce"])
                unsent = row["direction"] == "outbound" and purpose in NEVER_SENT_OUTBOUND
                yield DerivedLink(row, None, purpose, token, not unsent)
        for file in self.before["filsluss_transferfile"]:
            for purpose in OF_A_FILE:
                token = link_token(key, purpose=purpose, row=file["public_id"], nonce=file["nonce"])
                yield DerivedLink(
                    transfers[file["transfer_id"]], file, purpose, token, file["ready_at"] is not None
                )

    def answers(self) -> dict[str, int]:
        """The status with which each link that somebody was given answers now."""
        return {link.path: self.request(link.method, link.path).status for link in self.links()}

    def answers_before(self) -> dict[str, int]:
        return {link.path: link.status for link in self.links()}


def content(label: str, size: int) -> bytes:
    """The bytes of the file with that label: the label and a line feed, again and again."""
    line = f"{label}\n".encode()
    return (line * (size // len(line) + 1))[:size]


def load(data_dir: Path, *, server: Postgres | None = None, name: str = "", **own: str) -> InstallationBefore:
    """Unpacks it for SQLite, or into the empty database of that name, and moves all its times until now."""
    database = "postgresql" if server else "sqlite"
    shutil.copytree(FOLDER / database, data_dir)
    data_dir.chmod(0o700)
    (data_dir / "secret_key").chmod(0o600)
    if server:
        load_dump(server, name)
        own["DATABASE_URL"] = server.url(name)
    else:
        packed = data_dir / "filsluss.sqlite3.gz"
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    made = InstallationBefore(data_dir, database, **own)
    move_times(made, datetime.now(UTC) - datetime.fromisoformat(made.told["made_at"]))
    made.before = all_rows(made)
    return made


def copy(original: InstallationBefore, data_dir: Path, **own: str) -> InstallationBefore:
    """The same in another folder, as the original is now, which must not run."""
    shutil.copytree(original.data_dir, data_dir)
    made = InstallationBefore(data_dir, original.database, **own)
    made.before = original.before
    return made


def load_dump(server: Postgres, name: str) -> None:
    written = server.folder / f"{name}.sql"
    written.write_bytes(gzip.decompress((FOLDER / "postgresql.sql.gz").read_bytes()))
    written.chmod(0o644)
    where = ("-h", str(server.folder), "-U", USER, "-d", name)
    server.order("psql", "-q", "-v", "ON_ERROR_STOP=1", *where, "-f", str(written))
    written.unlink()


def move_times(service: Service, span: timedelta) -> None:
    """Adds the span to every time in every table."""
    if url := service.env.get("FILSLUSS_DATABASE_URL"):
        with psycopg.connect(url) as server:
            for table, column in server.execute(
                "SELECT table_name, column_name FROM information_schema.columns"
                " WHERE table_schema = 'public' AND data_type LIKE 'timestamp%'"
            ).fetchall():
                server.execute(f'UPDATE "{table}" SET "{column}" = "{column}" + %s', [span])
        return
    with closing(sqlite3.connect(service.data_dir / "filsluss.sqlite3")) as database, database:
        database.create_function("moved", 1, lambda time: moved(time, span))
        for table, column in database.execute(
            "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c"
            " WHERE m.type = 'table' AND c.type = 'datetime'"
        ).fetchall():
            database.execute(f'UPDATE "{table}" SET "{column}" = moved("{column}")')


def moved(time: str | None, span: timedelta) -> str | None:
    """A time as Django writes it to SQLite, and reads it."""
    return (datetime.fromisoformat(time) + span).isoformat(" ") if time else time


def execute(service: Service, statement: str) -> None:
    """One statement that changes rows of a service that does not run."""
    if url := service.env.get("FILSLUSS_DATABASE_URL"):
        with psycopg.connect(url) as server:
            server.execute(statement.encode())
        return
    with closing(sqlite3.connect(service.data_dir / "filsluss.sqlite3")) as database, database:
        database.execute(statement)


def all_rows(service: Service) -> dict[str, list[Row]]:
    """Every row of every table, in the order of its first column."""
    if url := service.env.get("FILSLUSS_DATABASE_URL"):
        with psycopg.connect(url) as server:
            tables = server.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            return {
                table: dicts(server.execute(f'SELECT * FROM "{table}" ORDER BY 1')) for (table,) in tables
            }
    with closing(sqlite3.connect(service.data_dir / "filsluss.sqlite3", timeout=30)) as database:
        tables = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return {table: dicts(database.execute(f'SELECT * FROM "{table}" ORDER BY 1')) for (table,) in tables}


def dicts(cursor: Any) -> list[Row]:
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

"""Debian's PostgreSQL as a test database: a cluster of our own, on a socket that only we can reach."""

import os
import pwd
import re
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from tests.parts.eventually import eventually
from tests.parts.installation import folder, once_a_run
from tests.parts.migrated import migrate
from tests.parts.service import process_tree

USER = "filsluss"
UNSYNCED = ("fsync=off", "full_page_writes=off")
FLEETING = (*UNSYNCED, "wal_level=minimal", "max_wal_senders=0")
MIGRATED = "migrated"


class PostgresMissing(Exception):
    """Debian's server is not on this machine."""


def all_rows(tables: Iterable[str]) -> bytes:
    """What takes all rows away, in one transaction and without a look at foreign keys.

    For a few rows that is faster than TRUNCATE, which makes the files of each table anew.
    """
    deletions = "".join(f'DELETE FROM "{table}"; ' for table in tables)
    return f"SET LOCAL session_replication_role = replica; {deletions}".encode()


def server_version(binaries: Path) -> int:
    return int(re.sub(r"\D", "", binaries.parent.name) or 0)


def find_binaries() -> Path:
    """The folder of the newest server: Debian keeps it off the PATH."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: server_version(path.parent)
    )
    if found:
        return found[-1].parent
    if on_path := shutil.which("initdb"):
        return Path(on_path).parent
    raise PostgresMissing("PostgreSQL is not here (apt-get install postgresql)")


class Postgres:
    """Nobody but its own system user and root gets to the socket.

    It waits for the disk (fsync) only where that is measured: no test takes away what it has not written yet,
    and each COMMIT would wait for whatever else the tests write. Nor does it write then what only serves
    after a power cut or for a copy elsewhere, as the making of a database is mostly that; only one that
    `may_be_followed` by a standby does.
    """

    def __init__(
        self, own_folder: Path | None = None, *, fsync: bool = False, may_be_followed: bool = False
    ) -> None:
        self.options = () if fsync else UNSYNCED if may_be_followed else FLEETING
        self.binaries = find_binaries()
        self.folder = own_folder or folder("pg")
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@{quote(str(self.folder), safe='')}/{database}"

    def start(self) -> None:
        """Runs a copy of the cluster of this run, in which there is a database with all tables."""
        made = once_a_run("postgresql", make_cluster) / "cluster"
        self.own()
        subprocess.run([*self.as_owner, "cp", "-a", made, self.folder / "cluster"], cwd="/", check=True)
        self.run()

    def follow(self, primary: "Postgres") -> None:
        """Runs as the standby of that server, which may be followed and waits for it at each COMMIT."""
        self.own()
        copied = ("-h", str(primary.folder), "-U", USER, "-D", self.folder / "cluster", "--checkpoint=fast")
        self.order("pg_basebackup", *copied, "--write-recovery-conf", "--no-sync", "--no-manifest")
        self.run()
        primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.sql("SELECT pg_reload_conf()")

    def promote(self) -> None:
        """Takes writes from now on, and waits for no standby."""
        self.sql("SELECT pg_promote()")
        self.sql("ALTER SYSTEM RESET synchronous_standby_names")
        self.sql("SELECT pg_reload_conf()")

    def own(self) -> None:
        if self.owner:
            os.chown(self.folder, self.owner.pw_uid, self.owner.pw_gid)

    def make(self) -> None:
        """The cluster that the others are copies of."""
        self.own()
        kind = ("--encoding=UTF8", "--locale=C.UTF-8", "--auth=trust", f"--username={USER}")
        self.order("initdb", f"--pgdata={self.folder / 'cluster'}", "--no-sync", *kind)
        self.run()
        self.sql(f'CREATE DATABASE "{MIGRATED}"')
        migrate(folder("data"), DATABASE_URL=self.url(MIGRATED))
        self.stop()

    def run(self) -> None:
        """The server of the cluster, also again after it has stopped."""
        options = [
            word
            for option in ("listen_addresses=", f"unix_socket_directories={self.folder}", *self.options)
            for word in ("-c", option)
        ]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *self.as_owner,
                    "--pdeathsig=INT",
                    self.binaries / "postgres",
                    "-D",
                    self.folder / "cluster",
                    *options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
            )
        self.await_ready()

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)

    def kill(self) -> None:
        """As a power cut does, but for the disk."""
        assert self.process is not None
        for pid in process_tree(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(30)

    def await_ready(self) -> None:
        asking: list[str | Path] = [
            self.binaries / "pg_isready",
            "-q",
            "-h",
            self.folder,
            "-U",
            USER,
            "-d",
            "postgres",
        ]
        eventually(
            lambda: subprocess.run(asking, check=False).returncode == 0,
            interval=0.1,
            say=(self.folder / "log").read_text,
        )

    @contextmanager
    def database(self, name: str, template: str = "template1") -> Iterator[str]:
        """The address of a fresh, empty database, which is dropped afterwards whoever is still in it."""
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"{self.strategy}')
        try:
            yield self.url(name)
        finally:
            self.sql(f'DROP DATABASE "{name}" WITH (FORCE)')

    def migrated_database(self, name: str) -> AbstractContextManager[str]:
        """The same with all tables."""
        return self.database(name, template=MIGRATED)

    def sql(self, statement: str) -> None:
        """One statement, on a connection of its own: psql takes longer to start than most of them do."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    @property
    def strategy(self) -> str:
        """A copy of the files takes half the time of one by way of the log, the default since 15."""
        return " STRATEGY file_copy" if server_version(self.binaries) >= 15 else ""

    def order(self, program: str, *words: str | Path) -> None:
        line: list[str | Path] = [*self.as_owner, self.binaries / program, *words]
        ran = subprocess.run(
            line,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
        )
        if ran.returncode:
            raise RuntimeError(ran.stdout.decode())

    @property
    def owner(self) -> pwd.struct_passwd | None:
        """PostgreSQL refuses to run as root, and Debian has made a user for it."""
        return pwd.getpwnam("postgres") if os.geteuid() == 0 else None

    @property
    def as_owner(self) -> list[str]:
        if not self.owner:
            return ["setpriv"]
        return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]


def make_cluster(empty: Path) -> None:
    Postgres(empty).make()


@contextmanager
def own_server(*, may_be_followed: bool = False) -> Iterator[Postgres]:
    """A server that runs until then; whoever asks is skipped if PostgreSQL is not on this machine."""
    try:
        server = Postgres(may_be_followed=may_be_followed)
    except PostgresMissing as missing:
        pytest.skip(str(missing))
    server.start()
    try:
        yield server
    finally:
        server.stop()

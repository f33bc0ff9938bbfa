"""Debian's PgBouncer in transaction mode, on a socket beside that of a PostgreSQL server."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from tests.parts.eventually import eventually
from tests.parts.installation import folder
from tests.parts.mail_server import free_port
from tests.parts.postgres import USER, Postgres

SETTINGS = """
[databases]
* = host={server} user={user}
[pgbouncer]
unix_socket_dir = {folder}
unix_socket_mode = 0777
listen_addr =
listen_port = {port}
auth_type = any
pool_mode = transaction
default_pool_size = {sessions}
query_wait_timeout = {patience}
"""


class PgBouncerMissing(Exception):
    """It is not on this machine."""


@contextmanager
def in_transaction_mode(
    server: Postgres, database: str, *, sessions: int = 8, patience: int = 120
) -> Iterator[str]:
    """The address of that database behind the pooler, which gives each transaction any of its sessions.

    Whoever has none after `patience` seconds is told so.
    """
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if not program:
        raise PgBouncerMissing("PgBouncer is not here (apt-get install pgbouncer)")
    own, port = folder("pgbouncer"), free_port()
    settings = SETTINGS.format(
        server=server.folder, user=USER, folder=own, port=port, sessions=sessions, patience=patience
    )
    (own / "ini").write_text(settings)
    line: list[str] = [program, "-q", str(own / "ini")]
    if server.owner:  # it refuses to run as root, too
        for each in (own, own / "ini"):
            os.chown(each, pwd.getpwnam("postgres").pw_uid, -1)
        line = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *line]
    with (own / "log").open("wb") as log:
        process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
    try:
        eventually((own / f".s.PGSQL.{port}").exists, say=(own / "log").read_text)
        yield f"postgresql://{USER}@{quote(str(own), safe='')}:{port}/{database}"
    finally:
        process.terminate()
        process.wait(10)

"""`filsluss serve`: the whole service on one machine."""

import errno
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from filsluss.conf.data_folder import lock_down
from filsluss.management.database_copy import copy_before_migrating
from filsluss.management.running import run_again
from filsluss.ops.secret_key import require_known_key
from filsluss.ops.tables import require_known_tables, waiting_migrations
from filsluss.postgresql.sessions import direct_session
from filsluss.server import notify
from filsluss.server.supervisor import Child, host_name, once_open, port_number, require_free_port, supervise
from filsluss.sqlite.copies import remove_old_copies


def migrate_tables() -> None:
    """Applies the migrations, unless the tables are newer; one process at a time."""
    with start_lock(), migration_lock():
        require_known_tables()
        remove_old_copies(settings.DATA_DIR, now=datetime.now(UTC))
        if waiting_migrations():  # to find nothing to do takes Django's command half a second
            copy_before_migrating()
            call_command("migrate", verbosity=0, interactive=False)
        require_known_key()


def require_static_files() -> None:
    """Raises CommandError if the static files are not laid out, as in a source folder without `bin/venv`."""
    if not (Path(settings.STATIC_ROOT) / "staticfiles.json").exists():
        raise CommandError("the static files are not laid out: install the wheel, or run bin/venv here")


@contextmanager
def migration_lock() -> Iterator[None]:
    """PostgreSQL may be shared by several machines: an advisory lock lets one of them migrate at a time.

    It is a transaction's, as a session's would stay with a pooler for whoever comes next.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with direct_session() as session, session.transaction():
        session.execute("SELECT pg_advisory_xact_lock(hashtext('filsluss migrate'))")
        yield


@contextmanager
def start_lock() -> Iterator[None]:
    """A file lock between the processes of this data folder."""
    with open(settings.DATA_DIR / "start.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def require_port(host: str, port: int, *, may_be_taken: bool = False) -> None:
    """Raises CommandError for an address that is not this machine's, or a port that is taken or not ours."""
    try:
        require_free_port(host, port)
    except OSError as fault:
        if may_be_taken and fault.errno == errno.EADDRINUSE:
            return
        raise CommandError(
            f"cannot listen on {host}, port {port}: {fault.strerror}; try another --port"
        ) from None


def service(host: str, port: int) -> list[Child]:
    """The processes of the whole service."""
    web = partial(run_again, "web", "--host", host, "--port", str(port))
    return [Child("web", web), Child("worker", partial(run_again, "worker"))]


class Command(BaseCommand):
    help = "Runs everything: applies migrations, then runs one web and one worker process."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", type=host_name, default="127.0.0.1")
        parser.add_argument("--port", type=port_number, default=8000)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        lock_down(settings.DATA_DIR)
        require_port(host, port)
        require_static_files()
        migrate_tables()
        supervise(service(host, port), once_open(host, port, partial(notify.tell, "READY=1")))

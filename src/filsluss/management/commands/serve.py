"""`filsluss serve`: the whole service on one machine."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from filsluss.parent import Child, look_after


def make_ready() -> None:
    """Tables as this version wants them; one process at a time."""
    with one_at_a_time():
        call_command("migrate", verbosity=0, interactive=False)


def lay_out() -> None:
    """Static files as this version wants them, on every machine that serves pages; one process at a time."""
    with one_at_a_time():
        call_command("collectstatic", verbosity=0, interactive=False)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    with open(settings.DATA_DIR / "start.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Command(BaseCommand):
    help = "Serves everything: migrates, then looks after one web and one worker."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        if settings.DEMO:
            raise CommandError("FILSLUSS_DEMO belongs to `filsluss demo`; remove it")
        make_ready()
        look_after([Child("web", "--host", host, "--port", str(port)), Child("worker")])

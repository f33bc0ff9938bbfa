"""`filsluss demo`: the whole service on loopback, without any configuration."""

import time
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from filsluss.conf.data_folder import lock_down
from filsluss.management.commands.serve import migrate_tables, require_port, service
from filsluss.management.running import run_again
from filsluss.rules.paths import DEMO, STAFF
from filsluss.server.demo_settings import add_demo_arguments
from filsluss.server.supervisor import Child, is_open, once_open, supervise

HOST = "127.0.0.1"


class Command(BaseCommand):
    help = f"Runs the whole service on loopback; letters are shown at {DEMO.path('mail')} and never sent."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_demo_arguments(parser)

    def handle(self, *args: Any, port: int, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("the demo can only be started as `filsluss demo`")
        # Imported when needed: `filsluss help` loads every command, and this takes megabytes.
        from filsluss.identity.pretend import pretend_provider

        lock_down(settings.DATA_DIR)
        require_port(HOST, port)
        migrate_tables()
        pretend_provider(settings.IDENTITY_PROVIDER)  # here, so that a web process started anew has its key
        web, _ = service(HOST, port)
        supervise([web, Child("worker", partial(work_once_open, port))], once_open(HOST, port, self.announce))

    def announce(self) -> None:
        self.stdout.write(
            f"\n  Filsluss is open at   {settings.POLICY.base_url}/\n"
            f"  Letters are shown at  {settings.POLICY.base_url}{DEMO.path('mail')}\n"
            f"  Staff sign in at      {settings.POLICY.base_url}{STAFF.path()}   without a password\n"
            "  Ctrl-C ends it.\n"
        )
        self.stdout.flush()


def work_once_open(port: int) -> None:
    """The worker; it asks the sign-in whether that is there, which is an address of the web process."""
    while not is_open(HOST, port):
        time.sleep(0.1)
    run_again("worker")

"""`filsluss demo`: the whole service on loopback, without any configuration."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from filsluss.actions.local_accounts import accounts, add, unlock
from filsluss.conf.data_folder import lock_down
from filsluss.management.commands.serve import migrate_tables, require_port, service
from filsluss.management.os_account import os_account
from filsluss.rules.paths import DEMO, OVERSEE, STAFF
from filsluss.server.demo_settings import add_demo_arguments
from filsluss.server.supervisor import once_open, supervise

NAME = "admin"


class Command(BaseCommand):
    help = f"Runs the whole service on loopback; letters are shown at {DEMO.path('mail')} and never sent."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_demo_arguments(parser)

    def handle(self, *args: Any, port: int, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("the demo can only be started as `filsluss demo`")
        lock_down(settings.DATA_DIR)
        require_port("127.0.0.1", port)
        migrate_tables()
        announce = partial(self.announce, administrator())
        supervise(service("127.0.0.1", port), once_open("127.0.0.1", port, announce))

    def announce(self, sign_in: str) -> None:
        self.stdout.write(
            f"\n  Filsluss is open at   {settings.POLICY.base_url}/\n"
            f"  Letters are shown at  {settings.POLICY.base_url}{DEMO.path('mail')}\n"
            f"  Administrator         {settings.POLICY.base_url}{OVERSEE.path('')}   {sign_in}\n"
            "  Ctrl-C ends it.\n"
        )
        self.stdout.flush()


def administrator() -> str:
    """How the demo's administrator signs in: by a link, until they have chosen a password and a factor."""
    now = datetime.now(UTC)
    known = {account.name: account for account in accounts(now=now)}.get(NAME)
    if known and known.has_factor:
        return f"{NAME}, with your password and your second factor"
    token = unlock(NAME, by=os_account(), now=now) if known else add(NAME, by=os_account(), now=now)
    return f"once, by {settings.POLICY.base_url}{STAFF.path('link', token)}"

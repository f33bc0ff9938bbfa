"""`filsluss demo`: the whole service on loopback, without any configuration."""

import secrets
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from filsluss.conf.data_folder import lock_down
from filsluss.management.commands.serve import migrate_tables, require_port, service
from filsluss.rules.paths import DEMO, OVERSEE
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
        password = ensure_administrator()
        announce = partial(self.announce, password)
        supervise(service("127.0.0.1", port), once_open("127.0.0.1", port, announce))

    def announce(self, password: str) -> None:
        self.stdout.write(
            f"\n  Filsluss is open at   {settings.POLICY.base_url}/\n"
            f"  Letters are shown at  {settings.POLICY.base_url}{DEMO.path('mail')}\n"
            f"  Administrator         {settings.POLICY.base_url}{OVERSEE.path('')}   {NAME}  {password}\n"
            "  Ctrl-C ends it.\n"
        )
        self.stdout.flush()


def ensure_administrator() -> str:
    """Creates the demo's administrator if needed; returns the random password kept in the data folder."""
    path = settings.DATA_DIR / "admin_password"
    if not path.exists():
        path.touch(0o600)
        path.write_text(secrets.token_urlsafe(12))
    password = path.read_text()
    user, _ = User.objects.get_or_create(
        username=NAME, defaults={"is_staff": True, "is_superuser": True, "email": ""}
    )
    if not user.check_password(password):
        user.set_password(password)
        user.save()
    return password

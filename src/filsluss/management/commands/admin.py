"""`filsluss admin add NAME | list | unlock NAME | remove NAME`: the accounts of this service itself."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from filsluss.actions import local_accounts
from filsluss.management.os_account import os_account
from filsluss.management.printing import PrintingCommand
from filsluss.rules.paths import STAFF

ABOUT = {
    "add": "makes an administrator, and prints a link for a password and a second factor",
    "unlock": "prints a link for a new password and a new second factor, and ends what slows down guesses",
    "remove": "deletes the account; its sessions end at once",
}


class Command(PrintingCommand):
    help = "Adds, lists, unlocks and removes administrators with an account of this service."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        actions.add_parser("list", help="the accounts, with what they lack")
        for action, about in ABOUT.items():
            actions.add_parser(action, help=about).add_argument("name", help="what the account is called")

    def handle(self, *args: Any, action: str, name: str = "", **options: Any) -> None:
        try:
            self.act(action, name, datetime.now(UTC))
        except local_accounts.AccountRefused as refused:
            raise CommandError(str(refused)) from None

    def act(self, action: str, name: str, now: datetime) -> None:
        if action == "list":
            self.list_all(now)
        elif action == "remove":
            local_accounts.remove(name)
            self.say(f"{name} is removed, and signed out")
        else:
            give = local_accounts.add if action == "add" else local_accounts.unlock
            self.print_link(name, give(name, by=os_account(), now=now))

    def list_all(self, now: datetime) -> None:
        rows = local_accounts.accounts(now=now)
        for row in rows:
            factor = "second factor" if row.has_factor else "no second factor: `filsluss admin unlock`"
            seen = f"signed in {row.seen_at:%Y-%m-%d %H:%M} UTC" if row.seen_at else "never signed in"
            self.say("   ".join((row.name, ", ".join(row.roles) or "no role", factor, seen)))
        if not rows:
            self.say("there are none; `filsluss admin add NAME` makes one")

    def print_link(self, name: str, token: str) -> None:
        self.say(f"{name} chooses a password and a second factor here, once, within an hour:")
        self.say(f"{settings.POLICY.base_url}{STAFF.path('link', token)}")

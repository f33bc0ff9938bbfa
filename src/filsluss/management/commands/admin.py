"""`filsluss admin add|list|unlock|remove|shut-out|let-in`: accounts of this service, and who may sign in."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from filsluss.actions import local_accounts, persons
from filsluss.actions.transitions import Cause
from filsluss.conf.names import Name
from filsluss.management.os_account import os_account
from filsluss.management.printing import PrintingCommand
from filsluss.models import Person
from filsluss.rules.paths import STAFF
from filsluss.rules.permissions import StaffRole
from filsluss.rules.refusals import FormRefused
from filsluss.rules.sign_in import LocalSignIn

ABOUT = {
    "add": "makes an administrator, and prints a link for a password and a second factor",
    "unlock": "prints a link for a new password and a new second factor, and ends what slows down guesses",
    "remove": "deletes the account; its sessions end at once",
    "shut-out": "signs a person out everywhere, and lets them in no more; also one who signs in elsewhere",
    "let-in": "lets a person in again who was shut out",
}
NOBODY = f"{Name.LOCAL_SIGN_IN} is no: set it to break-glass, and start the service again"
NAMED = "an account, an address, or user:NUMBER as the trail says"


class Command(PrintingCommand):
    help = "Adds, lists, unlocks and removes administrators with an account of this service."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        actions.add_parser("list", help="the accounts, with what they lack")
        for action, about in ABOUT.items():
            of_person = action in ("shut-out", "let-in")
            parser = actions.add_parser(action, help=about)
            parser.add_argument("name", help=NAMED if of_person else "what the account is called")

    def handle(self, *args: Any, action: str, name: str = "", **options: Any) -> None:
        try:
            self.act(action, name, datetime.now(UTC))
        except local_accounts.AccountRefused as refused:
            raise CommandError(str(refused)) from None

    def act(self, action: str, name: str, now: datetime) -> None:
        if action == "list":
            self.list_all(now)
        elif action == "remove":
            local_accounts.remove(name, by=os_account(), now=now)
            self.say(f"{name} is removed, and signed out")
        elif action == "shut-out":
            person = the_person(name, is_shut=False)
            persons.shut_out(person, by=Cause(StaffRole.ADMINISTRATOR, os_account()), now=now)
            self.say(f"{shown(person)} is shut out, and signed out everywhere")
        elif action == "let-in":
            self.let_in(the_person(name, is_shut=True), now)
        else:
            if settings.POLICY.local_sign_in is LocalSignIn.NO:
                raise CommandError(NOBODY)
            give = local_accounts.add if action == "add" else local_accounts.unlock
            self.print_link(name, give(name, by=os_account(), now=now))

    def let_in(self, person: Person, now: datetime) -> None:
        try:
            persons.let_in(person, by=Cause(StaffRole.ADMINISTRATOR, os_account()), now=now)
        except FormRefused:
            raise CommandError(
                f"another person has the address {person.address}: shut that out first"
            ) from None
        self.say(f"{shown(person)} may sign in again")

    def list_all(self, now: datetime) -> None:
        rows = local_accounts.accounts(now=now)
        for row in rows:
            factor = "second factor" if row.has_factor else "no second factor: `filsluss admin unlock`"
            seen = f"signed in {row.seen_at:%Y-%m-%d %H:%M} UTC" if row.seen_at else "never signed in"
            shut = ("shut out",) if row.shut_at else ()
            self.say("   ".join((row.name, ", ".join(row.roles) or "no role", factor, seen, *shut)))
        if not rows:
            self.say("there are none; `filsluss admin add NAME` makes one")
        for person in persons.persons_shut_out():
            self.say(f"{shown(person)}   of the sign-in provider   shut out")

    def print_link(self, name: str, token: str) -> None:
        self.say(f"{name} chooses a password and a second factor here, once, within an hour:")
        self.say(f"{settings.POLICY.base_url}{STAFF.path('link', token)}")


def shown(person: Person) -> str:
    """How a person is named to an operator, and named back in a command."""
    return person.user.username if person.is_local else f"{person.address} ({person.trail_name})"


def the_person(name: str, *, is_shut: bool) -> Person:
    """The one person of that name who is shut out, or is not. Raises CommandError."""
    known = persons.persons_named(name)
    found = [person for person in known if bool(person.shut_at) is is_shut]
    if len(found) == 1:
        return found[0]
    if found:
        raise CommandError(f"several have that name: {', '.join(map(shown, found))}; use user:NUMBER")
    if known:
        raise CommandError(f"{name} {'is not shut out' if is_shut else 'is shut out already'}")
    raise CommandError(f"nobody is known as {name}: a person is known once they have signed in")

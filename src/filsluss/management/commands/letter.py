"""`filsluss letter send-again ID`: queues a letter that was given up once more."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from filsluss.actions.send_again import NotSentAgain, send_again
from filsluss.actions.transitions import Cause
from filsluss.installation import current_services
from filsluss.management.os_account import os_account
from filsluss.management.printing import PrintingCommand
from filsluss.models import Letter
from filsluss.rules.permissions import StaffRole

WHY = {
    "untrue": "it is no longer true",
    "lost": "its text is gone, and cannot be written again",
    "not-given-up": "it was not given up",
}


class Command(PrintingCommand):
    help = "Sends a letter again that was given up, if it is still true."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
        # An id may begin with "-": no option begins so here.
        again = acts.add_parser("send-again", prefix_chars="+", add_help=False, help=self.help)
        again.add_argument("letter", metavar="ID", help="its public id, 22 characters: `filsluss show`")

    def handle(self, *args: Any, letter: str, **options: Any) -> None:
        if letter in ("-h", "--help"):
            self.print_help("filsluss", "letter")
            return
        found = Letter.objects.filter(public_id=letter).first()
        if found is None:
            raise CommandError(f"there is no letter {letter}")
        by = Cause(StaffRole.ADMINISTRATOR, os_account())
        try:
            again = send_again(found, by=by, services=current_services(), now=datetime.now(UTC))
        except NotSentAgain as refused:
            raise CommandError(f"letter {letter} is not sent again: {WHY[refused.code]}") from None
        self.say(f"{again.kind} to {again.to} is {again.delivery} as {again.public_id}")

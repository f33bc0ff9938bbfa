"""`filsluss close ID --reason …`: closes an open transfer or withdraws an undecided application."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from filsluss.actions import oversee
from filsluss.actions.transitions import StepRefused
from filsluss.installation import current_services
from filsluss.management.os_account import os_account
from filsluss.management.printing import PrintingCommand
from filsluss.management.reasons import NO_PERSONAL_NUMBER, REASON_WORDS
from filsluss.models import Transfer
from filsluss.rules.lifecycle import State


class Command(PrintingCommand):
    help = "Closes an open transfer, or withdraws an undecided application; the parties are told why."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("transfer", metavar="ID", help="its public id, like K7PM-4QXD")
        parser.add_argument("--reason", required=True, help="told to the parties, at most 500 characters")
        parser.add_argument("--no-personal-number", action="store_true", help=NO_PERSONAL_NUMBER)

    def handle(
        self, *args: Any, transfer: str, reason: str, no_personal_number: bool, **options: Any
    ) -> None:
        found = Transfer.objects.filter(public_id=transfer.upper()).first()
        if found is None:
            raise CommandError(f"there is no transfer {transfer}")
        act = oversee.withdraw if found.state == State.PENDING else oversee.close_transfer
        try:
            act(
                found,
                reason=reason,
                person=os_account(),
                numbers_confirmed=no_personal_number,
                services=current_services(),
                now=datetime.now(UTC),
            )
        except StepRefused:
            raise CommandError(f"transfer {transfer} is {found.state}: there is nothing to close") from None
        except oversee.ReasonRefused as refused:
            raise CommandError(REASON_WORDS[refused.code]) from None
        self.say(f"{found.public_id} is {found.state}")

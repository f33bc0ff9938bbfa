"""`filsluss close ID --reason …`: closes an open transfer or withdraws an undecided application."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from filsluss.actions import oversee
from filsluss.actions.transitions import StepRefused
from filsluss.installation import current_services
from filsluss.management.os_account import os_account
from filsluss.management.printing import PrintingCommand
from filsluss.models import Transfer
from filsluss.rules.lifecycle import State


class Command(PrintingCommand):
    help = "Closes an open transfer, or withdraws an undecided application; the parties are told why."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("transfer", metavar="ID", help="its public id, like K7PM-4QXD")
        parser.add_argument("--reason", required=True, help="told to the parties, at most 500 characters")

    def handle(self, *args: Any, transfer: str, reason: str, **options: Any) -> None:
        found = Transfer.objects.filter(public_id=transfer.upper()).first()
        if found is None:
            raise CommandError(f"there is no transfer {transfer}")
        act = oversee.withdraw if found.state == State.PENDING else oversee.close_transfer
        try:
            act(
                found,
                reason=reason,
                person=os_account(),
                services=current_services(),
                now=datetime.now(UTC),
            )
        except StepRefused:
            raise CommandError(f"transfer {transfer} is {found.state}: there is nothing to close") from None
        except oversee.ReasonMissing:
            raise CommandError("the reason must be 1 to 500 characters") from None
        self.say(f"{found.public_id} is {found.state}")

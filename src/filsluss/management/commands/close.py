"""`filsluss close ID --reason …`: closes an open transfer or withdraws an undecided application."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from filsluss.actions import oversee
from filsluss.installation import current_services
from filsluss.management.printing import PrintingCommand
from filsluss.management.reasons import add_reason, reason_in, refusals_in_words
from filsluss.models import Transfer
from filsluss.rules.lifecycle import State


class Command(PrintingCommand):
    help = "Closes an open transfer, or withdraws an undecided application; the parties are told why."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("transfer", metavar="ID", help="its public id, like K7PM-4QXD")
        add_reason(parser)

    def handle(
        self, *args: Any, transfer: str, reason: str, no_personal_number: bool, **options: Any
    ) -> None:
        found = Transfer.objects.filter(public_id=transfer.upper()).first()
        if found is None:
            raise CommandError(f"there is no transfer {transfer}")
        act = oversee.withdraw if found.state == State.PENDING else oversee.close_transfer
        given = reason_in(reason, no_personal_number=no_personal_number)
        with refusals_in_words(too_late=f"transfer {transfer} is {found.state}: there is nothing to close"):
            act(found, reason=given, services=current_services(), now=datetime.now(UTC))
        self.say(f"{found.public_id} is {found.state}")

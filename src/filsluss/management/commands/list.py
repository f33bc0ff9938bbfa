"""`filsluss list`: the transfers, one line each."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db.models import Count

from filsluss.management.os_account import note_command
from filsluss.management.printing import PrintingCommand
from filsluss.models import Transfer
from filsluss.rules.directions import Role
from filsluss.rules.lifecycle import State
from filsluss.rules.security_events import Kind, Outcome


class Command(PrintingCommand):
    help = "Lists the transfers, newest first: id, state, direction, sender, recipient, last day, files."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--state", choices=[state.value for state in State])

    def handle(self, *args: Any, state: str | None, **options: Any) -> None:
        note_command(Kind.READ, Outcome.LIST)
        transfers = Transfer.objects.annotate(file_count=Count("files")).order_by("-applied_at", "-id")
        chosen = transfers.filter(state=state) if state else transfers
        for transfer in chosen.prefetch_related("parties").iterator(chunk_size=500):
            until = settings.POLICY.last_day(transfer.open_until) if transfer.open_until else "-"
            self.say(
                f"{transfer.public_id}  {transfer.state:<9} {transfer.direction:<9} "
                f"{transfer.address_of(Role.SENDER)} -> {transfer.address_of(Role.RECIPIENT)}  "
                f"{until}  {transfer.file_count} files"
            )

"""`filsluss list`: the transfers, one line each."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db.models import Count

from filsluss.logs import as_json
from filsluss.management.os_account import note_command
from filsluss.management.printing import PrintingCommand
from filsluss.models import Transfer
from filsluss.rules.directions import Role
from filsluss.rules.lifecycle import State
from filsluss.rules.security_events import Kind, Outcome

LINE = "{id}  {state:<9} {direction:<9} {sender} -> {recipient}  {last_day!s}  {files} files"


class Command(PrintingCommand):
    help = "Lists the transfers, newest first: id, state, direction, sender, recipient, last day, files."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--state", choices=[state.value for state in State])
        parser.add_argument("--json", action="store_true", help="a JSON object a line for each transfer")

    def handle(self, *args: Any, state: str | None, json: bool, **options: Any) -> None:
        note_command(Kind.READ, Outcome.LIST)
        transfers = Transfer.objects.annotate(file_count=Count("files")).order_by("-applied_at", "-id")
        chosen = transfers.filter(state=state) if state else transfers
        for transfer in chosen.prefetch_related("parties").iterator(chunk_size=500):
            values = facts(transfer, files=transfer.file_count)
            until = values["last_day"] or "-"
            self.say(as_json(values) if json else LINE.format(**{**values, "last_day": until}))


def facts(transfer: Transfer, *, files: int) -> dict[str, Any]:
    """What is told of a transfer; `last_day` is None until an account is opened."""
    return {
        "id": transfer.public_id,
        "state": transfer.state,
        "direction": transfer.direction,
        str(Role.SENDER): transfer.address_of(Role.SENDER),
        str(Role.RECIPIENT): transfer.address_of(Role.RECIPIENT),
        "last_day": settings.POLICY.last_day(transfer.open_until) if transfer.open_until else None,
        "files": files,
    }

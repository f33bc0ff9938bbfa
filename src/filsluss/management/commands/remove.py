"""`filsluss remove FILE --reason …`: removes one file of a transfer."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from filsluss.actions import oversee
from filsluss.actions.transitions import StepRefused
from filsluss.management.os_account import os_account
from filsluss.management.printing import PrintingCommand
from filsluss.models import TransferFile


class Command(PrintingCommand):
    help = "Removes a file: its links stop working at once, its bytes are erased, the parties are told why."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="the file's public id, like K7PM-4QXD")
        parser.add_argument("--reason", required=True, help="told to the parties, at most 500 characters")

    def handle(self, *args: Any, file: str, reason: str, **options: Any) -> None:
        found = TransferFile.objects.filter(public_id=file.upper()).select_related("transfer").first()
        if found is None:
            raise CommandError(f"there is no file {file}")
        try:
            oversee.remove_file(
                found,
                reason=reason,
                person=os_account(),
                now=datetime.now(UTC),
            )
        except StepRefused:
            raise CommandError(f"file {file} is already removed or erased") from None
        except oversee.ReasonMissing:
            raise CommandError("the reason must be 1 to 500 characters") from None
        self.say(f"{found.public_id} can no longer be downloaded and its bytes are being erased")

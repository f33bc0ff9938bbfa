"""`filsluss remove FILE --reason …`: removes one file of a transfer."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from filsluss.actions import oversee
from filsluss.actions.transitions import StepRefused
from filsluss.management.os_account import os_account
from filsluss.management.printing import PrintingCommand
from filsluss.management.reasons import NO_PERSONAL_NUMBER, REASON_WORDS
from filsluss.models import TransferFile


class Command(PrintingCommand):
    help = "Removes a file: its links stop working at once, its bytes are erased, the parties are told why."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="the file's public id, like K7PM-4QXD")
        parser.add_argument("--reason", required=True, help="told to the parties, at most 500 characters")
        parser.add_argument("--no-personal-number", action="store_true", help=NO_PERSONAL_NUMBER)

    def handle(self, *args: Any, file: str, reason: str, no_personal_number: bool, **options: Any) -> None:
        found = TransferFile.objects.filter(public_id=file.upper()).select_related("transfer").first()
        if found is None:
            raise CommandError(f"there is no file {file}")
        try:
            oversee.remove_file(
                found,
                reason=reason,
                person=os_account(),
                numbers_confirmed=no_personal_number,
                now=datetime.now(UTC),
            )
        except StepRefused:
            raise CommandError(f"file {file} is already removed or erased") from None
        except oversee.ReasonRefused as refused:
            raise CommandError(REASON_WORDS[refused.code]) from None
        self.say(f"{found.public_id} can no longer be downloaded and its bytes are being erased")

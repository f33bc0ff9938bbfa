"""`filsluss remove FILE --reason …`: removes one file of a transfer."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from filsluss.actions import oversee
from filsluss.management.printing import PrintingCommand
from filsluss.management.reasons import add_reason, reason_in, refusals_in_words
from filsluss.models import TransferFile


class Command(PrintingCommand):
    help = "Removes a file: its links stop working at once, its bytes are erased, the parties are told why."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="the file's public id, like K7PM-4QXD")
        add_reason(parser)

    def handle(self, *args: Any, file: str, reason: str, no_personal_number: bool, **options: Any) -> None:
        found = TransferFile.objects.filter(public_id=file.upper()).select_related("transfer").first()
        if found is None:
            raise CommandError(f"there is no file {file}")
        given = reason_in(reason, no_personal_number=no_personal_number)
        with refusals_in_words(too_late=f"file {file} is already removed or erased"):
            oversee.remove_file(found, reason=given, now=datetime.now(UTC))
        self.say(f"{found.public_id} can no longer be downloaded and its bytes are being erased")

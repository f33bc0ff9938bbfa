"""`filsluss remove FILE --reason …`: removes one file of a transfer."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from filsluss.actions import oversee
from filsluss.installation import current_services
from filsluss.management.printing import PrintingCommand
from filsluss.management.reasons import add_reason, reason_in, refusals_in_words
from filsluss.models import TransferFile
from filsluss.rules.lifecycle import RemovalCode


class Command(PrintingCommand):
    help = "Removes a file: its links stop working at once, its bytes are erased, the parties are told why."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="the file's public id, like K7PM-4QXD")
        add_reason(parser)
        parser.add_argument(
            "--why", choices=[*RemovalCode], default=RemovalCode.OTHER, help="as a fixed word"
        )
        parser.add_argument("--erase-now", action="store_true", help="it cannot be given back")

    def handle(self, *args: Any, file: str, reason: str, no_personal_number: bool, **options: Any) -> None:
        found = TransferFile.objects.filter(public_id=file.upper()).select_related("transfer").first()
        if found is None:
            raise CommandError(f"there is no file {file}")
        given = reason_in(reason, no_personal_number=no_personal_number)
        removal = oversee.Removal(given, options["why"], at_once=options["erase_now"])
        with refusals_in_words(too_late=f"file {file} is already removed or erased"):
            waits = oversee.remove_or_withhold(
                found, removal=removal, services=current_services(), now=datetime.now(UTC)
            )
        goes = "can be given back by a page of its case" if waits else "its bytes are being erased"
        self.say(f"{found.public_id} can no longer be downloaded and {goes}")

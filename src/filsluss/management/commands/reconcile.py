"""`filsluss reconcile`: compares blob store and database, prints every difference, and repairs it."""

import sys
from typing import Any

from django.core.management.base import CommandParser

from filsluss.actions.integrity.findings import World
from filsluss.actions.integrity.repair import REPAIRED, reconcile
from filsluss.clock_monitor import utc_now
from filsluss.installation import current_services
from filsluss.management.printing import PrintingCommand


class Command(PrintingCommand):
    help = "Compares blob store and database both ways; exit status 1 if a difference is left unrepaired."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only print what would be repaired")
        parser.add_argument(
            "--checksums", action="store_true", help="also verify the SHA-256 of every ready file"
        )

    def handle(self, *args: Any, dry_run: bool, checksums: bool, **options: Any) -> None:
        world = World(current_services(), utc_now(), checksums=checksums)
        lines = []
        for line in reconcile(world, dry_run=dry_run):
            self.say(line)
            lines.append(line)
        if not lines:
            self.say("Blob store and database agree.")
        if any(line.outcome is not REPAIRED for line in lines):
            sys.exit(1)

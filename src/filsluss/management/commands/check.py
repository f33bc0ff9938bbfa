"""`filsluss check`: what the house rests on, part by part."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from filsluss.ops.checks import examine


class Command(BaseCommand):
    help = "Looks at every part the service rests on; exit status 1 if anything is wrong."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--deploy", action="store_true", help="look also at what a running service needs")

    def handle(self, *args: Any, deploy: bool, **options: Any) -> None:
        findings = []
        for finding in examine(deploy=deploy):
            self.stdout.write(str(finding))
            findings.append(finding)
        if not all(finding.is_well for finding in findings):
            sys.exit(1)

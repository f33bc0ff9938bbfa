"""`filsluss check`: tests every part of the installation."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from filsluss.ops.checks import run_checks


class Command(BaseCommand):
    help = "Tests every part the service needs; exit status 1 if anything is wrong."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--deploy",
            action="store_true",
            help="also test the running service: user, worker, uploads through the proxy",
        )

    def handle(self, *args: Any, deploy: bool, **options: Any) -> None:
        findings = []
        for finding in run_checks(deploy=deploy):
            self.stdout.write(str(finding))
            findings.append(finding)
        if not all(finding.is_ok for finding in findings):
            sys.exit(1)

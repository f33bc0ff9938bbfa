"""`filsluss check`: tests every part of the installation."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from filsluss.ops.checks import run_checks
from filsluss.rules.addresses import AddressRefused, read_address


def read_reader(address: str) -> str:
    """The address as the service stores addresses; raises CommandError."""
    try:
        return read_address(address) if address else ""
    except AddressRefused:
        raise CommandError(f"--letter {address}: that is not an email address") from None


class Command(BaseCommand):
    help = "Tests every part the service needs; exit status 1 if anything is wrong."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--deploy",
            action="store_true",
            help="also test the running service: user, worker, uploads through the proxy",
        )

        parser.add_argument("--letter", metavar="ADDRESS", default="", help="also send a letter there")

    def handle(self, *args: Any, deploy: bool, letter: str, **options: Any) -> None:
        findings = []
        for finding in run_checks(deploy=deploy, letter_to=read_reader(letter)):
            self.stdout.write(str(finding))
            findings.append(finding)
        if not all(finding.is_ok for finding in findings):
            sys.exit(1)

"""`filsluss check`: tests every part of the installation."""

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from filsluss.management.printing import PrintingCommand
from filsluss.ops.checks import run_checks
from filsluss.rules.addresses import AddressRefused, read_address


def read_reader(address: str) -> str:
    """The address as the service stores addresses; raises CommandError."""
    try:
        return read_address(address) if address else ""
    except AddressRefused:
        raise CommandError(f"--letter {address}: that is not an email address") from None


class Command(PrintingCommand):
    help = "Tests every part the service needs; exit status 1 if anything is wrong."

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
            self.say(finding)
            findings.append(finding)
        if not all(finding.is_ok for finding in findings):
            sys.exit(1)

"""`filsluss check`: tests every part of the installation."""

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from filsluss.logs import as_json
from filsluss.management.printing import PrintingCommand
from filsluss.ops.checks import run_checks
from filsluss.rules.addresses import AddressRefused, read_address
from filsluss.version import program_version


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
        parser.add_argument("--json", action="store_true", help="one JSON object: version, ok, findings")

    def handle(self, *args: Any, deploy: bool, letter: str, json: bool, **options: Any) -> None:
        findings = []
        for finding in run_checks(deploy=deploy, letter_to=read_reader(letter)):
            if not json:
                self.say(finding)
            findings.append(finding)
        is_ok = all(finding.is_ok for finding in findings)
        if json:
            told = [{"part": each.part, "ok": each.is_ok, "text": each.text} for each in findings]
            self.say(as_json({"version": program_version(), "ok": is_ok, "findings": told}))
        if not is_ok:
            sys.exit(1)

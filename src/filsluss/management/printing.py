"""The base of commands that print what strangers typed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from filsluss.logs import printable


class PrintingCommand(BaseCommand):
    """Prints with `say`, so that no text can hide, turn around or command anything in a terminal."""

    requires_system_checks: list[str] = []

    def say(self, line: object) -> None:
        """Prints one line, its unseen characters escaped as in the log."""
        self.stdout.write(printable(str(line)))

    def execute(self, *args: Any, **options: Any) -> Any:
        """Escapes the messages of errors, too: they repeat the arguments."""
        try:
            return super().execute(*args, **options)
        except CommandError as error:
            raise CommandError(printable(str(error)), returncode=error.returncode) from error

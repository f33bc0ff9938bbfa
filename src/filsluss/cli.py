"""The `filsluss` command: Django's commands and ours; an error that an operator can fix is one line."""

import os
import sys

from filsluss.logs import printable
from filsluss.server import demo_settings

BUILT_IN = {"help", "version"}
"""What Django answers itself, without a command of that name."""


def main() -> None:
    """Exit status 0; 1 with one line on stderr for an error of settings or database; 2 for bad usage."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "filsluss.settings")
    if sys.argv[1:2] == ["demo"]:
        demo_settings.apply(sys.argv[2:])
    run(sys.argv)


def run(argv: list[str]) -> None:
    """Runs the command; exits with status 1 and one line for an error that an operator can fix."""
    try:
        dispatch(argv)
    except Exception as fault:
        message = one_line_message(fault)
        if message is None:
            raise
        print(f"filsluss: {printable(' '.join(message.split()))}", file=sys.stderr)
        sys.exit(1)


def dispatch(argv: list[str]) -> None:
    """Calls Django; an unknown command ends with status 2, as any bad usage (Django's own status is 1)."""
    import django
    from django.core.management import execute_from_command_line, get_commands

    django.setup()
    name = argv[1] if len(argv) > 1 else "help"
    if not name.startswith("-") and name not in {*BUILT_IN, *get_commands()}:
        print(f"filsluss: there is no command {name!r}; `filsluss help` lists them all", file=sys.stderr)
        sys.exit(2)
    execute_from_command_line(argv)


def one_line_message(fault: Exception) -> str | None:
    """The message of an error that an operator can fix; None for any other, which needs its traceback."""
    from django.db import DatabaseError, InterfaceError

    if type(fault).__name__ == "SettingUnreadable":
        return str(fault)
    if isinstance(fault, DatabaseError | InterfaceError):
        return f"the database cannot be used: {fault}; see `filsluss check`, and `filsluss migrate`"
    return None

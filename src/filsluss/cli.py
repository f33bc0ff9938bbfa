"""`filsluss …`: Django's commands with ours among them; what cannot be started says why in one line."""

import os
import sys

from filsluss.server import demo_settings

ANSWERED = {"help", "version"}


def main() -> None:
    """Exit status 0; 1 with one line for a fault of settings or database; 2 for bad usage."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "filsluss.settings")
    if sys.argv[1:2] == ["demo"]:
        demo_settings.apply(sys.argv[2:])
    run(sys.argv)


def run(argv: list[str]) -> None:
    """Ends the process with 1 and one line where a person can mend what is wrong."""
    try:
        dispatch(argv)
    except Exception as fault:
        line = one_line_message(fault)
        if line is None:
            raise
        print(f"filsluss: {' '.join(line.split())}", file=sys.stderr)
        sys.exit(1)


def dispatch(argv: list[str]) -> None:
    """Hands over to Django, which would call an unknown command a fault."""
    import django
    from django.core.management import execute_from_command_line, get_commands

    django.setup()
    name = argv[1] if len(argv) > 1 else "help"
    if not name.startswith("-") and name not in {*ANSWERED, *get_commands()}:
        print(f"filsluss: there is no command {name!r}; `filsluss help` names them all", file=sys.stderr)
        sys.exit(2)
    execute_from_command_line(argv)


def one_line_message(fault: Exception) -> str | None:
    """What a person can mend; None for a fault of our own, which shows where it happened."""
    from django.db import DatabaseError, InterfaceError

    if type(fault).__name__ == "SettingUnreadable":
        return str(fault)
    if isinstance(fault, DatabaseError | InterfaceError):
        return f"the database cannot be used: {fault}; see `filsluss check`, and `filsluss migrate`"
    return None

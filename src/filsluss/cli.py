"""`filsluss …`: Django's commands with ours among them; what cannot be started says why in one line."""

import os
import sys

from filsluss import demo_house


def main() -> None:
    """Hands over to Django; exit status 1 with one line for a setting that cannot be read."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "filsluss.settings")
    if sys.argv[1:2] == ["demo"]:
        demo_house.furnish(sys.argv[2:])
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except Exception as fault:
        if type(fault).__name__ != "SettingUnreadable":
            raise
        print(f"filsluss: {fault}", file=sys.stderr)
        sys.exit(1)

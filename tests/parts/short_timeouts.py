"""`filsluss` with shorter timeouts: the same program, with constants replaced before it starts."""

import json
import os
import sys
from importlib import import_module

import django


def program(**timeouts: float) -> list[str]:
    """What a Service may run in place of `filsluss`, with other time limits.

    `program(**{"filsluss.streams.body.STALL_SECONDS": 0.5})`
    """
    return [sys.executable, __file__, json.dumps(timeouts)]


def main(timeouts: str, command: str, *words: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "filsluss.settings"
    django.setup()
    for path, seconds in json.loads(timeouts).items():
        module, _, name = path.rpartition(".")
        assert isinstance(getattr(import_module(module), name), int | float), path
        setattr(import_module(module), name, seconds)
    from django.core.management import call_command

    from filsluss.management.commands.serve import migrate_tables

    migrate_tables()
    call_command(command, *words)


if __name__ == "__main__":
    main(*sys.argv[1:])

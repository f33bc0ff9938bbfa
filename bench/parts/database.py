"""This process as one of an installation whose tables are there, on SQLite or on a PostgreSQL of its own."""

import os
from pathlib import Path


def set_up(kind: str, folder: Path, **settings: str) -> None:
    """Before Django is used in this process; `kind` is "sqlite" or "postgresql", settings without prefix."""
    from tests.parts import installation
    from tests.parts.postgres import Postgres

    if kind == "postgresql":
        server = Postgres(fsync=True)
        server.start()
        server.sql("CREATE DATABASE bench")
        settings["DATABASE_URL"] = server.url("bench")
    installation.configure_process(folder, **settings)
    os.environ["DJANGO_SETTINGS_MODULE"] = "filsluss.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)

"""`filsluss migrate`: Django's command in one transaction."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections, transaction


class Command(migrate.Command):
    """All or nothing: Django may record a migration only after the commit that created its tables.

    A crash between the two would leave tables that make every later run fail.
    """

    help = "Brings the tables up to this version; `serve` does the same before it listens."

    def handle(self, *args: Any, **options: Any) -> None:
        if options.get("migration_name") == "zero":
            raise CommandError("that would delete every row; delete the database itself if you mean it")
        alias = options["database"]
        # SQLite rebuilds tables only with constraint checks off, which a transaction cannot turn off.
        with connections[alias].constraint_checks_disabled(), transaction.atomic(using=alias):
            super().handle(*args, **options)

"""`filsluss migrate`: Django's command in one transaction."""

from typing import Any

from django.core.management.commands import migrate
from django.db import connections, transaction


class Command(migrate.Command):
    """All or nothing: Django may record a migration only after the commit that created its tables.

    A crash between the two would leave tables that make every later run fail.
    """

    def handle(self, *args: Any, **options: Any) -> None:
        alias = options["database"]
        # SQLite rebuilds tables only with constraint checks off, which a transaction cannot turn off.
        with connections[alias].constraint_checks_disabled(), transaction.atomic(using=alias):
            super().handle(*args, **options)

"""`filsluss migrate`: Django's, in one transaction."""

from typing import Any

from django.core.management.commands import migrate
from django.db import connections, transaction


class Command(migrate.Command):
    """All of it or nothing: Django records many a migration only after its tables are committed.

    Whoever died between the two could never migrate again, as the tables were there already.
    """

    def handle(self, *args: Any, **options: Any) -> None:
        alias = options["database"]
        # SQLite makes tables anew only with this off, and cannot turn it off inside a transaction.
        with connections[alias].constraint_checks_disabled(), transaction.atomic(using=alias):
            super().handle(*args, **options)

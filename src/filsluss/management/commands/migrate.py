"""`filsluss migrate`: Django's command in one transaction."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections, transaction
from django.db.migrations.exceptions import AmbiguityError
from django.db.migrations.executor import MigrationExecutor

PRETENDED = ("fake", "fake_initial", "prune")
NO_WAY_BACK = "the tables cannot go back: restore a copy of the database; see docs/upgrade.md"


def goes_back(alias: str, app: str | None, name: str | None) -> bool:
    """Whether a migration would be undone, and rows lost with its tables and columns."""
    executor = MigrationExecutor(connections[alias])
    try:
        target = executor.loader.get_migration_by_prefix(app, name) if app and name else None
    except (KeyError, AmbiguityError):  # Django says so
        target = None
    plan = executor.migration_plan([(target.app_label, target.name)]) if target else []
    return any(backwards for _, backwards in plan)


class Command(migrate.Command):
    """All or nothing: Django may record a migration only after the commit that created its tables.

    A crash between the two would leave tables that make every later run fail.
    """

    help = "Brings the tables up to this version; `serve` does the same before it listens."

    def handle(self, *args: Any, **options: Any) -> None:
        if options.get("migration_name") == "zero":
            raise CommandError("that would delete every row; delete the database itself if you mean it")
        if pretended := [name for name in PRETENDED if options.get(name)]:
            words = f"--{pretended[0].replace('_', '-')} would say of tables what is not so"
            raise CommandError(f"{words}: restore a copy of the database; see docs/upgrade.md")
        alias = options["database"]
        if goes_back(alias, options.get("app_label"), options.get("migration_name")):
            raise CommandError(NO_WAY_BACK)
        # SQLite rebuilds tables only with constraint checks off, which a transaction cannot turn off.
        with connections[alias].constraint_checks_disabled(), transaction.atomic(using=alias):
            super().handle(*args, **options)

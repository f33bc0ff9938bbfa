"""Whether this program may run on the tables of its database: neither may be too old for the other."""

import re

from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from filsluss import outages
from filsluss.models import Installation
from filsluss.version import program_version as program_version

OLDEST_PROGRAM = "oldest-program"


def oldest_program() -> str:
    """The oldest version that may run on the tables; empty if they name none. Raises DatabaseError."""
    if Installation._meta.db_table not in connection.introspection.table_names():
        return ""
    found = Installation.objects.filter(name=OLDEST_PROGRAM).first()
    return found.value if found else ""


def is_older(version: str, than: str) -> bool:
    """Compares the numbers of two versions, as in 0.10.0 and 0.9.2."""
    return _numbers(version) < _numbers(than)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def waiting_migrations() -> int:
    """How many migrations the tables lack. Raises DatabaseError."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def are_empty() -> bool:
    """Whether nothing has ever been migrated, as in an installation that was never started."""
    return not MigrationRecorder(connection).applied_migrations()


def refusal() -> str:
    """Why this program may not run on the tables; empty if it may. Raises DatabaseError."""
    version, oldest = program_version(), oldest_program()
    return f"need Filsluss {oldest} or newer, and this is {version}" if is_older(version, oldest) else ""


def require_known_tables() -> None:
    """Raises CommandError if the tables need a newer program than this."""
    if why := refusal():
        raise CommandError(f"the tables {why}")


def require_current_tables() -> None:
    """Raises CommandError unless the tables are this program's; a database that is away may come back."""
    try:
        require_known_tables()
        waiting = waiting_migrations()
    except outages.AWAY:
        return
    if waiting:
        raise CommandError(f"{waiting} migrations wait: stop every process and run `filsluss migrate`")

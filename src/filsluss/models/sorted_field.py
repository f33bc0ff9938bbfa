"""A text column that the database sorts by code point, so that its index answers a prefix."""

from typing import Any

from django.db import models


class CodePointCharField(models.CharField):
    """Collation C on PostgreSQL; SQLite sorts so (BINARY) by itself.

    Under a language's collation an index is of no use to a range of strings. To a migration it is a
    CharField: whoever makes such a column there sets its collation there, too.
    """

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs

    def db_parameters(self, connection: Any) -> Any:
        parameters = super().db_parameters(connection)
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters

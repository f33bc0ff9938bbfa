"""A text column that the database sorts by code point, so that its index serves prefix searches."""

from typing import Any

from django.db import models


class CodePointCharField(models.CharField):
    """Collation C on PostgreSQL; SQLite's default, BINARY, is the same.

    With a language's collation an index cannot serve a range of strings. For migrations it is a CharField:
    a migration that adds such a column must set the collation itself.
    """

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs

    def db_parameters(self, connection: Any) -> Any:
        parameters = super().db_parameters(connection)
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters

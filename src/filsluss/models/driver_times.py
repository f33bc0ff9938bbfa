"""Moments as SQLite's driver takes and gives them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models.expressions import Col


def sqlite_time(moment: datetime | None) -> str | None:
    """A moment as Django stores it in SQLite: UTC, without saying so."""
    if moment is None:
        return None
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat(" ")[: -len("+00:00")]


def from_sqlite_time(stored: datetime | None, *_: Any) -> datetime | None:
    """A moment as the driver reads it of a column that holds one."""
    return stored and stored.replace(tzinfo=UTC)


def converters_of(compiler: Any, expressions: Sequence[Any]) -> Any:
    """What makes Python's values of the driver's, without Django's detour for a time of SQLite."""
    theirs = getattr(connection.ops, "convert_datetimefield_value", None)  # SQLite's alone

    def quick(converter: Any, expression: Any) -> Any:
        return from_sqlite_time if converter == theirs and isinstance(expression, Col) else converter

    return [
        (column, [quick(each, expression) for each in converters], expression)
        for column, (converters, expression) in compiler.get_converters(expressions).items()
    ]

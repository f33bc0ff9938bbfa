"""Queries that are asked for every small file: composed once, asked again with other values."""

# To compose one anew costs ten times what the database takes to answer it.

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models import QuerySet, sql

Row = TypeVar("Row", bound=models.Model)


class Param(models.Expression):
    """The place of a value that is told when the query is asked."""

    def __init__(self, name: str, field: models.Field[Any, Any]) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]


class Compiled(NamedTuple):
    sql: str
    values: tuple[Any, ...]
    converters: Any


class CompiledQuery:
    """A query with places in it, composed at its first use on each kind of database."""

    def __init__(self, compose: Callable[[], QuerySet[Any, Any]]) -> None:
        self._compose = compose
        self._composed: dict[str, Compiled] = {}

    def _query(self) -> sql.Query:
        return self._compose().query

    def _made(self) -> Compiled:
        vendor = connection.vendor
        if vendor not in self._composed:
            compiler = self._query().get_compiler(connection=connection)
            text, values = compiler.as_sql()
            kinds = [each for each, *_ in getattr(compiler, "select", None) or ()]
            self._composed[vendor] = Compiled(text, tuple(values), compiler.get_converters(kinds))
        return self._composed[vendor]

    @staticmethod
    def _told(made: Compiled, given: dict[str, Any]) -> list[Any]:
        def value(place: Param) -> Any:
            return place.output_field.get_db_prep_value(given[place.name], connection)

        return [value(each) if isinstance(each, Param) else each for each in made.values]

    def rows(self, **given: Any) -> list[list[Any]]:
        """Every row that is found, its columns in the order of the query's `values_list`."""
        made = self._made()
        with connection.cursor() as cursor:
            cursor.execute(made.sql, self._told(made, given))
            rows = [list(row) for row in cursor.fetchall()]
        for row in rows:
            for column, (converters, kind) in made.converters.items():
                for convert in converters:
                    row[column] = convert(row[column], kind, connection)
        return rows


class CompiledUpdate(CompiledQuery):
    """An UPDATE of the rows that are found."""

    def __init__(self, compose: Callable[[], QuerySet[Any, Any]], **changes: Any) -> None:
        super().__init__(compose)
        self._changes = changes

    def _query(self) -> sql.Query:
        query: Any = super()._query().chain(sql.UpdateQuery)
        query.add_update_values(self._changes)
        return query

    def change(self, **given: Any) -> int:
        """How many rows were changed."""
        made = self._made()
        with connection.cursor() as cursor:
            cursor.execute(made.sql, self._told(made, given))
            return int(cursor.rowcount)


def columns(model: type[models.Model], within: str = "") -> list[str]:
    """All of a model's columns, for a `values_list`."""
    return [f"{within}{field.attname}" for field in model._meta.concrete_fields]


def from_row(model: type[Row], values: Iterable[Any]) -> Row:
    """The row with these values of all its columns."""
    return model.from_db(DEFAULT_DB_ALIAS, columns(model), list(values))

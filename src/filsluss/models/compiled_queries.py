"""Queries compiled to SQL once and run with changing parameters; for the path of an upload."""

# Compiling a query takes ten times as long as running it (docs/decisions/0008-compiled-queries.md).

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models import QuerySet, sql

Row = TypeVar("Row", bound=models.Model)


class Param(models.Expression):
    """A parameter: a value that is given when the query is run."""

    def __init__(self, name: str, field: models.Field[Any, Any]) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, _compiler: Any, _connection: Any) -> Any:
        return "%s", [self]


class Compiled(NamedTuple):
    sql: str
    values: tuple[Any, ...]
    converters: Any


class CompiledQuery:
    """A query with `Param`s, compiled for each kind of database at its first use."""

    def __init__(self, build: Callable[[], QuerySet[Any, Any]]) -> None:
        self._build = build
        self._by_vendor: dict[str, Compiled] = {}

    def _query(self) -> sql.Query:
        return self._build().query

    def _compiled(self) -> Compiled:
        vendor = connection.vendor
        if vendor not in self._by_vendor:
            compiler = self._query().get_compiler(connection=connection)
            text, values = compiler.as_sql()
            expressions = [each for each, *_ in getattr(compiler, "select", None) or ()]
            self._by_vendor[vendor] = Compiled(text, tuple(values), compiler.get_converters(expressions))
        return self._by_vendor[vendor]

    @staticmethod
    def _bound(compiled: Compiled, given: dict[str, Any]) -> list[Any]:
        """The values for the SQL's placeholders, in order."""

        def value(param: Param) -> Any:
            return param.output_field.get_db_prep_value(given[param.name], connection)

        return [value(each) if isinstance(each, Param) else each for each in compiled.values]

    def rows(self, **given: Any) -> list[list[Any]]:
        """Every row, its columns in the order of the query's `values_list`."""
        compiled = self._compiled()
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, self._bound(compiled, given))
            rows = [list(row) for row in cursor.fetchall()]
        for row in rows:
            for column, (converters, expression) in compiled.converters.items():
                for convert in converters:
                    row[column] = convert(row[column], expression, connection)
        return rows


class CompiledUpdate(CompiledQuery):
    """An UPDATE of the query's rows, which sets `changes`."""

    def __init__(self, build: Callable[[], QuerySet[Any, Any]], **changes: Any) -> None:
        super().__init__(build)
        self._changes = changes

    def _query(self) -> sql.Query:
        query: Any = super()._query().chain(sql.UpdateQuery)
        query.add_update_values(self._changes)
        return query

    def change(self, **given: Any) -> int:
        """Runs the UPDATE; returns how many rows it changed."""
        compiled = self._compiled()
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, self._bound(compiled, given))
            return int(cursor.rowcount)


def columns(model: type[models.Model], prefix: str = "") -> list[str]:
    """All columns of a model for `values_list`, each after `prefix`, such as "transfer__"."""
    return [f"{prefix}{field.attname}" for field in model._meta.concrete_fields]


def from_row(model: type[Row], values: Iterable[Any]) -> Row:
    """A model instance from the values of all its columns."""
    return model.from_db(DEFAULT_DB_ALIAS, columns(model), list(values))

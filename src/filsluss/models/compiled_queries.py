"""Queries compiled to SQL once and run with changing parameters; for the path of an upload."""

# Compiling a query takes ten times as long as running it (docs/decisions/0008-compiled-queries.md).

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.models import QuerySet, sql
from django.db.models.base import ModelState

from filsluss.models.batches import MOST_NAMES, batches
from filsluss.models.driver_times import converters_of, sqlite_time
from filsluss.models.encrypted_field import EncryptedTextField
from filsluss.sqlite.base import with_question_marks

Row = TypeVar("Row", bound=models.Model)


class Param(models.Expression):
    """A parameter: a value that is given when the query is run."""

    def __init__(self, name: str, field: models.Field[Any, Any]) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, _compiler: Any, _connection: Any) -> Any:
        return "%s", [self]


class Slot(NamedTuple):
    """A placeholder of the SQL: the name of its `Param`, or a fixed value as the driver takes it."""

    name: str
    prepare: Callable[[Any], Any] | None
    value: Any = None


class Compiled(NamedTuple):
    sql: str
    slots: tuple[Slot, ...]
    converters: Sequence[tuple[int, Sequence[Callable[..., Any]], Any]] = ()
    """The column, what makes Python's value of the driver's, and the expression."""


class CompiledQuery:
    """A query with `Param`s, compiled for each kind of database at its first use."""

    def __init__(self, build: Callable[[], QuerySet[Any, Any]]) -> None:
        self._build = build
        self._by_vendor: dict[str, Compiled] = {}

    def _query(self) -> sql.Query:
        return self._build().query

    def _compile(self) -> Compiled:
        compiler = self._query().get_compiler(connection=connection)
        text, values = compiler.as_sql()
        expressions = [each for each, *_ in getattr(compiler, "select", None) or ()]
        return Compiled(
            in_style_of_driver(text), tuple(map(slot_of, values)), converters_of(compiler, expressions)
        )

    def _compiled(self, database: Any) -> Compiled:
        vendor = database.vendor
        if vendor not in self._by_vendor:
            self._by_vendor[vendor] = self._compile()
        return self._by_vendor[vendor]

    def rows(self, **given: Any) -> list[list[Any]]:
        """Every row, its columns in the order of the query's `values_list`."""
        database = connections[DEFAULT_DB_ALIAS]
        compiled = self._compiled(database)
        values = values_of(compiled, given)
        found = executed(compiled.sql, database, values, lambda cursor: cursor.fetchall(), is_read=True)
        rows = [list(row) for row in found]
        for row in rows:
            for column, converters, expression in compiled.converters:
                for convert in converters:
                    row[column] = convert(row[column], expression, database)
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

    def returning(self, wanted: Callable[[], QuerySet[Any, Any]]) -> CompiledUpdateReturning:
        """The same UPDATE, whose rows are returned as it has left them, as the `values_list` of `wanted`."""
        return CompiledUpdateReturning(self, wanted)

    def change(self, **given: Any) -> int:
        """Runs the UPDATE; returns how many rows it changed."""
        database = connections[DEFAULT_DB_ALIAS]
        compiled = self._compiled(database)
        values = values_of(compiled, given)
        return int(executed(compiled.sql, database, values, lambda cursor: cursor.rowcount))

    def change_each(self, each: Sequence[dict[str, Any]]) -> list[int]:
        """Runs it once for each of these; returns how many rows each changed."""
        return [self.change(**given) for given in each]


class CompiledUpdateReturning(CompiledQuery):
    """An UPDATE that is read as a query is, in one statement; for PostgreSQL."""

    def __init__(self, update: CompiledUpdate, wanted: Callable[[], QuerySet[Any, Any]]) -> None:
        super().__init__(wanted)
        self._update = update

    def _compile(self) -> Compiled:
        update = self._update._compile()
        compiler = self._query().get_compiler(connection=connection)
        compiler.pre_sql_setup()
        columns = ", ".join(text for _, (text, _), _ in compiler.select)
        values = [value for _, (_, values), _ in compiler.select for value in values]
        slots = (*update.slots, *map(slot_of, values))
        converters = converters_of(compiler, [expression for expression, *_ in compiler.select])
        return Compiled(f"{update.sql} RETURNING {columns}", slots, converters)


class CompiledInsert(CompiledQuery):
    """An INSERT of one row: the columns in `given` are parameters, every other has its default."""

    def __init__(self, model: type[models.Model], given: str) -> None:
        super().__init__(model._default_manager.all)
        self._model, self.given = model, frozenset(given.split())

    def _compile(self) -> Compiled:
        quote, about = connection.ops.quote_name, self._model._meta
        fields = [field for field in about.concrete_fields if not field.primary_key]
        names, marks = (
            ", ".join(quote(str(field.column)) for field in fields),
            ", ".join(["%s"] * len(fields)),
        )
        text = f"INSERT INTO {quote(about.db_table)} ({names}) VALUES ({marks})"  # noqa: S608
        if connection.vendor != "sqlite":
            text = f"{text} RETURNING {quote(str(about.pk.column))}"
        return Compiled(in_style_of_driver(text), tuple(map(self._slot, fields)))

    def _slot(self, field: models.Field[Any, Any]) -> Slot:
        if field.attname not in self.given:
            return Slot("", None, field.get_db_prep_save(field.get_default(), connection))
        known = slot_of(Param(field.attname, field))
        if goes_as_it_is(field) or isinstance(field, models.DateTimeField):
            return known
        return known._replace(prepare=lambda value: field.get_db_prep_save(value, connection))

    def insert(self, **given: Any) -> int:
        """Runs the INSERT; returns the row's id. Raises IntegrityError if the row breaks a constraint."""
        (row_id,) = self.insert_all([given])
        return row_id

    def insert_all(self, rows: Sequence[dict[str, Any]]) -> Sequence[int]:
        """The same for several rows; their ids, which grow in that order.

        SQLite gives the rows of one statement ids one after another (its documentation, "AUTOINCREMENT").
        Nothing promises that of PostgreSQL's sequences, so that there the ids are drawn beforehand.
        """
        if not rows:
            return ()
        database = connections[DEFAULT_DB_ALIAS]
        one = self._compiled(database)
        if database.vendor != "sqlite":
            one_row = len(rows) == 1
            return [self._returned(one, database, rows[0])] if one_row else self._drawn(one, database, rows)
        at_once = max(1, MOST_NAMES // len(one.slots))
        return [row for batch in batches(rows, at_once) for row in self._in_one(one, database, batch)]

    @staticmethod
    def _returned(one: Compiled, database: Any, given: dict[str, Any]) -> int:
        return int(executed(one.sql, database, values_of(one, given), lambda cursor: cursor.fetchone()[0]))

    @staticmethod
    def _in_one(one: Compiled, database: Any, rows: Sequence[dict[str, Any]]) -> range:
        """By one statement of SQLite."""
        head, values, marks = one.sql.partition(" VALUES ")
        several = head + values + ", ".join([marks] * len(rows))
        given_values = [value for given in rows for value in values_of(one, given)]
        last = int(executed(several, database, given_values, lambda cursor: cursor.lastrowid))
        return range(last - len(rows) + 1, last + 1)

    def _drawn(self, one: Compiled, database: Any, rows: Sequence[dict[str, Any]]) -> list[int]:
        """By two statements of PostgreSQL, of which the first draws the ids.

        The rows are one value, in JSON: the driver would look at each of thousands of placeholders.
        """
        quote, about = database.ops.quote_name, self._model._meta
        table, key = quote(about.db_table), str(about.pk.column)
        names = [key, *(str(field.column) for field in about.concrete_fields if not field.primary_key)]
        with database.cursor() as cursor:
            cursor.execute(DRAWN, [table, key, len(rows)])
            ids = sorted(number for (number,) in cursor.fetchall())
            numbered = [
                dict(zip(names, (number, *values_of(one, row)), strict=True))
                for number, row in zip(ids, rows, strict=True)
            ]
            columns = ", ".join(map(quote, names))  # of the model; no value is among them
            from_json = f"SELECT {columns} FROM json_populate_recordset(NULL::{table}, %s)"  # noqa: S608
            statement = f"INSERT INTO {table} ({columns}) {from_json}"
            cursor.execute(statement, [json.dumps(numbered, default=as_json)])
        return ids


def as_json(value: Any) -> Any:
    """A value that `json` does not know, as PostgreSQL reads it: a time, or what the driver has wrapped."""
    return value.isoformat() if isinstance(value, datetime) else value.obj


DRAWN = "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)"
AS_IT_IS = (models.CharField, models.TextField, models.IntegerField, models.BooleanField)
"""Fields whose values both drivers take as Python has them."""


def goes_as_it_is(field: models.Field[Any, Any]) -> bool:
    """Whether the driver takes the field's values as they are; of what is stored encrypted it must not."""
    return isinstance(field, AS_IT_IS) and not isinstance(field, EncryptedTextField)


def slot_of(value: Any) -> Slot:
    """The slot of a compiled query's parameter or fixed value."""
    if not isinstance(value, Param):
        return Slot("", None, value)
    field = value.output_field
    if isinstance(field, models.DateTimeField):
        return Slot(value.name, sqlite_time if connection.vendor == "sqlite" else None)
    if goes_as_it_is(field):
        return Slot(value.name, None)
    return Slot(value.name, lambda given: field.get_db_prep_value(given, connection))


def in_style_of_driver(text: str) -> str:
    return with_question_marks(text) if connection.vendor == "sqlite" else text


def values_of(compiled: Compiled, given: dict[str, Any]) -> list[Any]:
    """The values of the statement's placeholders, as the driver takes them."""
    return [
        slot.value if not slot.name else slot.prepare(given[slot.name]) if slot.prepare else given[slot.name]
        for slot in compiled.slots
    ]


def executed(
    statement: str, database: Any, values: list[Any], take: Callable[[Any], Any], *, is_read: bool = False
) -> Any:
    """What `take` takes of the statement's cursor.

    On SQLite it is the driver's own cursor: Django's costs more than a small statement.

    A statement that writes outside a transaction goes through ours, which makes room on a full disk.
    """
    if database.vendor != "sqlite":
        with database.cursor() as cursor:
            cursor.execute(statement, values)
            return take(cursor)
    return take(database.run(statement, values, is_read=is_read))


@cache
def columns(model: type[models.Model], prefix: str = "", only: str = "") -> list[str]:
    """All columns of a model for `values_list`, or `only` some; each after `prefix`, such as "transfer__"."""
    wanted = only.split()
    names = [field.attname for field in model._meta.concrete_fields]
    return [f"{prefix}{name}" for name in names if not only or name in wanted]


def from_row(model: type[Row], values: Iterable[Any], only: str = "") -> Row:
    """A model instance from the values of these columns; any other is read when it is asked for."""
    return with_columns(model, zip(columns(model, only=only), values, strict=True))


def with_columns(model: type[Row], given: Iterable[tuple[str, Any]]) -> Row:
    """The same of columns with their names, as `Model.from_db` makes it, which looks at every other, too."""
    row = model.__new__(model)
    row._state = ModelState()
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    row.__dict__.update(given)
    return row

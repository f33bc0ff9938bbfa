"""Lists taken in batches: a database takes only so many values at once, and memory only so many rows."""

import json
import random
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any, TypeVar

from django.db import connection, transaction
from django.db.models import BigIntegerField, Func, Max, Min, Model, QuerySet, Value

Item = TypeVar("Item")
Row = TypeVar("Row", bound=Model)

MOST_NAMES = 900
"""In one statement. SQLite takes 999 in its older builds, and 32 766 or 250 000 in others."""
BATCH = 200
"""Rows that a job takes at a time."""


def batches(items: Iterable[Item], size: int = MOST_NAMES) -> Iterator[list[Item]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


class _Elements(Func):
    """The numbers of a list in JSON, as a subquery."""

    template = "(SELECT value FROM json_each(%(expressions)s))"
    output_field = BigIntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "(SELECT value::bigint FROM json_array_elements_text(%(expressions)s::json))"
        return self.as_sql(compiler, connection, template=template, **context)


def listed(keys: Iterable[int]) -> Func:
    """The keys, however many, as one value for `__in`; each row is looked up by its key."""
    return _Elements(Value(json.dumps(list(keys))))


def weighed(items: Iterable[Item], weight: Callable[[Item], int], most: int) -> Iterator[list[Item]]:
    """The items in batches that together weigh `most` at most; one that is heavier is alone."""
    batch, total = list[Item](), 0
    for item in items:
        own = weight(item)
        if batch and total + own > most:
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += own
    if batch:
        yield batch


def delete_at_once(rows: QuerySet[Row]) -> None:
    """Deletes rows that no others belong to any more, by one statement: Django would read each of them."""
    rows._raw_delete(rows.db)


def by_key(rows: QuerySet[Row], size: int = BATCH) -> Generator[list[Row], None, None]:
    """The rows by their keys, in batches, each of which is read when it is asked for."""
    last = None
    while batch := list((rows if last is None else rows.filter(pk__gt=last)).order_by("pk")[:size]):
        yield batch
        last = batch[-1].pk


def from_anywhere(rows: QuerySet[Row], size: int = BATCH) -> Iterator[list[Row]]:
    """All the rows in batches, if they are more than one batch from a random key on.

    So workers that take the same list at the same time seldom meet at a row.
    """
    keys_alone = rows.prefetch_related(None).order_by("pk").values_list("pk", flat=True)
    if len(few := keys_alone[: size + 1]) <= size:
        yield from by_key(rows, size) if few else ()
        return
    keys = rows.aggregate(first=Min("pk"), last=Max("pk"))
    begin = random.randint(keys["first"], keys["last"])  # noqa: S311 - no secret
    yield from by_key(rows.filter(pk__gte=begin), size)
    yield from by_key(rows.filter(pk__lt=begin), size)


def shared_out(rows: QuerySet[Row], size: int = BATCH) -> Generator[list[Row], None, None]:
    """The rows by their keys, in batches, each in a transaction that ends when the next one is asked for.

    PostgreSQL locks them until then, and leaves out what another worker has locked: so workers divide the
    list. What is done with a batch must use the database alone, since others wait for it.
    """
    if connection.vendor != "postgresql":
        yield from by_key(rows, size)
        return
    last: int | None = 0
    while last is not None:
        with transaction.atomic():
            locked = rows.filter(pk__gt=last).select_for_update(skip_locked=True, of=("self",), no_key=True)
            batch = list(locked.order_by("pk")[:size])
            last = batch[-1].pk if batch else None
            if batch:
                yield batch


def rows_of(batches: Generator[list[Row], None, None]) -> Generator[Row, None, None]:
    """The rows of the batches one by one; closing it closes the batch that is open, too."""
    with closing(batches):
        for batch in batches:
            yield from batch

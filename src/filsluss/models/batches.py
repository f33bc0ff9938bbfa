"""Lists of names taken in batches: a database takes only so many values in one statement."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")

MOST_NAMES = 900
"""In one statement. SQLite takes 999 in its older builds, and 32 766 or 250 000 in others."""


def batches(items: Iterable[Item], size: int = MOST_NAMES) -> Iterator[list[Item]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch

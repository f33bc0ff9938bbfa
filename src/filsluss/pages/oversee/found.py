"""What a search has found, newest first, in pages that cost the same wherever they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from django.db.models import Count, Q, QuerySet

from filsluss.models import Party, Transfer, TransferFile
from filsluss.models.batches import listed
from filsluss.rules.search import prefix_range

PER_PAGE = 50
MOST_COUNTED = 1000
MANY = 10_000
"""If more parties or files have the words, the newest transfers are looked through, and most not read."""
FIRST_STEP = 500
MOST_WALKED = 20_000
"""Transfers that are looked through for a page, before all that have the words are read and sorted."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Words:
    """What is searched for, folded: as a text, and as an address without its tag.

    It is what names, addresses and file names begin with, and in transfers applied for after `since`
    what they contain.
    """

    text: str
    address: str
    since: datetime | None = None

    def keys(self) -> set[int] | None:
        """The keys of the transfers that have them; None if they may be many."""
        found: set[int] = set()
        for rows in self._begin():
            some = list(rows[: MANY + 1])
            if len(some) > MANY:
                return None
            found.update(some)
        for rows in self._contain():
            some = list(rows[: MANY + 1])
            if len(some) > MANY:
                return None
            recent = Transfer.objects.filter(pk__in=listed(some), applied_at__gt=self.since)
            found.update(recent.values_list("pk", flat=True))
        return found

    def _begin(self) -> Iterator[QuerySet[Any, int]]:
        """The lists of keys by what begins so: each is a range of an index."""
        begin, end = prefix_range(self.text)
        first, last = prefix_range(self.address)
        yield keys_in(Party.objects.filter(canonical__gte=first, canonical__lt=last))
        yield keys_in(Party.objects.filter(folded__gte=begin, folded__lt=end))
        yield keys_in(TransferFile.objects.filter(folded__gte=begin, folded__lt=end))

    def _contain(self) -> Iterator[QuerySet[Any, int]]:
        """The lists of keys by what contains it, however old: each walks an index, or a table."""
        if self.since:
            yield keys_in(Party.objects.filter(folded__contains=self.text))
            yield keys_in(TransferFile.objects.filter(folded__contains=self.text))

    def among(self, keys: Iterable[int]) -> set[int]:
        """Those of the transfers that have them."""
        begin, end = prefix_range(self.text)
        first, last = prefix_range(self.address)
        text = Q(folded__gte=begin, folded__lt=end)
        if self.since:
            text |= Q(folded__contains=self.text, transfer__applied_at__gt=self.since)
        of_these = Q(transfer__in=listed(keys))
        parties = Party.objects.filter(of_these, text | Q(canonical__gte=first, canonical__lt=last))
        return {*keys_in(parties), *keys_in(TransferFile.objects.filter(of_these, text))}

    def everywhere(self) -> QuerySet[Any, int]:
        """All that have them, as one query."""
        first, *others = self._begin()
        if self.since:
            is_recent = Q(transfer__applied_at__gt=self.since)
            others += [rows.filter(is_recent) for rows in self._contain()]
        return first.union(*others)


def keys_in(rows: QuerySet[Any]) -> QuerySet[Any, int]:
    return rows.values_list("transfer_id", flat=True)


@dataclass(frozen=True)
class Found:
    """The transfers in `rows` that have the `words`; None: all of them.

    `begins`: they were found by what something begins with, and others may contain it; `contains`: what
    something contains was looked for, too.
    """

    rows: QuerySet[Transfer]
    words: Words | None = None
    begins: bool = False
    contains: bool = False

    @classmethod
    def of(cls, rows: QuerySet[Transfer], words: Words) -> Found | None:
        """Those that have the words; None if there are none."""
        keys, contains = words.keys(), words.since is not None
        if keys is None:
            found = cls(rows, words, not contains, contains)
            return found if found.newest[0] else None
        some = rows.filter(pk__in=listed(keys))
        return cls(some, None, not contains, contains) if keys and some.exists() else None

    @cached_property
    def newest(self) -> tuple[list[int], bool]:
        """The keys of the newest, more than a page of them, and whether they are all; only with words."""
        return self._first(newest_first(self.rows))

    def _first(self, ordered: QuerySet[Transfer]) -> tuple[list[int], bool]:
        assert self.words is not None
        found: list[int] = []
        seen, step = 0, FIRST_STEP
        while len(found) <= PER_PAGE and seen < MOST_WALKED:
            part = list(ordered.values_list("pk", flat=True)[seen : seen + step])
            have = self.words.among(part)
            found += [key for key in part if key in have]
            if len(part) < step:
                return found, True
            seen, step = seen + step, step * 2
        if len(found) > PER_PAGE:
            return found, False
        rest = ordered.filter(pk__in=self.words.everywhere()).values_list("pk", flat=True)
        found = list(rest[: PER_PAGE + 1])
        return found, len(found) <= PER_PAGE

    def count(self) -> tuple[int, bool]:
        """How many there are, if that is known: else False and a number that they are more than."""
        if self.words is None:
            number = self.rows[: MOST_COUNTED + 1].count()
            return min(number, MOST_COUNTED), number <= MOST_COUNTED
        found, are_all = self.newest
        return (len(found), True) if are_all else (PER_PAGE, False)

    def first(self, part: QuerySet[Transfer] | None = None) -> QuerySet[Transfer]:
        """The first of them, one more than a page; of a part of the rows, in its order, if that is given."""
        ordered = newest_first(self.rows) if part is None else part
        if self.words is not None:
            keys, _ = self.newest if part is None else self._first(part)
            ordered = ordered.filter(pk__in=keys[: PER_PAGE + 1])
        return ordered.prefetch_related("parties")[: PER_PAGE + 1]


@dataclass(frozen=True)
class Page:
    """Transfers, newest first; `newer` and `older` are the cursors of the neighbouring pages, or empty."""

    rows: list[Transfer]
    newer: str
    older: str


def newest_first(rows: QuerySet[Transfer]) -> QuerySet[Transfer]:
    return rows.order_by("-applied_at", "-pk")


def page_of(found: Found, *, before: str = "", after: str = "") -> Page:
    """The page of rows older than the cursor `before`, or newer than `after`; without both the newest page.

    Cursors hold the values that the list is sorted by, so that every page costs the same.
    """
    newer_than = read_cursor(after)
    older_than = None if newer_than else read_cursor(before)
    part = None
    if newer_than:
        at, pk = newer_than
        part = found.rows.filter(applied_at__gte=at).filter(Q(applied_at__gt=at) | Q(pk__gt=pk))
        part = part.order_by("applied_at", "pk")
    elif older_than:
        at, pk = older_than
        part = found.rows.filter(applied_at__lte=at).filter(Q(applied_at__lt=at) | Q(pk__lt=pk))
        part = newest_first(part)
    rows = list(found.first(part))
    more, rows = len(rows) > PER_PAGE, rows[:PER_PAGE]
    if newer_than:
        rows.reverse()
    newer = rows and (more if newer_than else older_than is not None)
    older = rows and (newer_than is not None or more)
    return Page(rows, cursor(rows[0]) if newer else "", cursor(rows[-1]) if older else "")


def cursor(row: Transfer) -> str:
    """Microseconds since 1970 and the row's primary key."""
    return f"{(row.applied_at - EPOCH) // timedelta(microseconds=1)}.{row.pk}"


def read_cursor(text: str) -> tuple[datetime, int] | None:
    """The values in a cursor; None for anything else."""
    micros, _, pk = text.partition(".")
    if not (micros.isascii() and micros.isdigit() and pk.isascii() and pk.isdigit()):
        return None
    if len(micros) > 16 or len(pk) > 18:
        return None
    return EPOCH + timedelta(microseconds=int(micros)), int(pk)


def file_counts(rows: list[Transfer]) -> dict[int, int]:
    """The number of files of each transfer, by its primary key."""
    counted = TransferFile.objects.filter(transfer__in=rows).values_list("transfer_id")
    return dict(counted.annotate(count=Count("pk")).order_by())

"""Searching and paging through transfers by indexes, however many there are."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Count, Q, QuerySet

from filsluss.models import Party, Transfer, TransferFile
from filsluss.rules.addresses import canonical
from filsluss.rules.lifecycle import State
from filsluss.rules.search import fold, prefix_range
from filsluss.rules.tokens import as_public_id

PER_PAGE = 50
MOST_COUNTED = 1000
CONTAINS_WITHIN = timedelta(days=90)
"""Text in the middle of a name or an address is looked for in cases no older than this."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Page:
    """Some transfers, the newest first; `newer` and `older` are the cursors of what lies on either side."""

    rows: list[Transfer]
    newer: str
    older: str


def search(asked: str, state: str, *, now: datetime) -> QuerySet[Transfer]:
    """By public id of a case or a file; else by how a name, an address or a file's name begins.

    In cases of the last 90 days text is found anywhere. All of it when nothing is asked.
    """
    found = Transfer.objects.all()
    if state in set(State):
        found = found.filter(state=state)
    if not asked:
        return found
    reference = as_public_id(asked)
    if reference and (exact := found.filter(_named(reference))).exists():
        return exact
    return found.filter(pk__in=_with_text(fold(asked), _canonical(asked), since=now - CONTAINS_WITHIN))


def _named(reference: str) -> Q:
    of_file = TransferFile.objects.filter(public_id=reference).values("transfer_id")
    return Q(public_id=reference) | Q(pk__in=of_file)


def _canonical(asked: str) -> str:
    return fold(canonical(asked)) if "@" in asked else fold(asked)


def _with_text(text: str, address: str, *, since: datetime) -> QuerySet[Party, tuple[int]]:
    parties, files = Party.objects.values_list("transfer_id"), TransferFile.objects.values_list("transfer_id")
    begin, end = prefix_range(text)
    first, last = prefix_range(address)
    return parties.filter(folded__gte=begin, folded__lt=end).union(
        parties.filter(canonical__gte=first, canonical__lt=last),
        files.filter(folded__gte=begin, folded__lt=end),
        parties.filter(folded__contains=text, transfer__applied_at__gt=since),
        files.filter(folded__contains=text, transfer__applied_at__gt=since),
    )


def page_of(found: QuerySet[Transfer], *, before: str = "", after: str = "") -> Page:
    """The page that begins after the cursor `before`, or ends before the cursor `after`; else the newest.

    A cursor names a row by what the list is sorted by, so that no page costs more than another.
    """
    upwards = read_cursor(after)
    downwards = None if upwards else read_cursor(before)
    found = found.order_by("applied_at", "pk") if upwards else found.order_by("-applied_at", "-pk")
    if upwards:
        at, pk = upwards
        found = found.filter(applied_at__gte=at).filter(Q(applied_at__gt=at) | Q(pk__gt=pk))
    elif downwards:
        at, pk = downwards
        found = found.filter(applied_at__lte=at).filter(Q(applied_at__lt=at) | Q(pk__lt=pk))
    rows = list(found.prefetch_related("parties")[: PER_PAGE + 1])
    more, rows = len(rows) > PER_PAGE, rows[:PER_PAGE]
    if upwards:
        rows.reverse()
    newer = rows and (more if upwards else downwards is not None)
    older = rows and (upwards is not None or more)
    return Page(rows, cursor(rows[0]) if newer else "", cursor(rows[-1]) if older else "")


def cursor(row: Transfer) -> str:
    """Microseconds since 1970 and the row's key."""
    return f"{(row.applied_at - EPOCH) // timedelta(microseconds=1)}.{row.pk}"


def read_cursor(text: str) -> tuple[datetime, int] | None:
    """What `cursor` wrote; None for anything else."""
    micros, _, pk = text.partition(".")
    if not (micros.isascii() and micros.isdigit() and pk.isascii() and pk.isdigit()):
        return None
    if len(micros) > 16 or len(pk) > 18:
        return None
    return EPOCH + timedelta(microseconds=int(micros)), int(pk)


def file_counts(rows: list[Transfer]) -> dict[int, int]:
    """How many files each of these transfers has, by its key."""
    counted = TransferFile.objects.filter(transfer__in=rows).values_list("transfer_id")
    return dict(counted.annotate(count=Count("pk")).order_by())

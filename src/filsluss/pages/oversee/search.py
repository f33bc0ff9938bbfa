"""Searching and paging through transfers, both served by indexes."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from filsluss.models import Party, Transfer, TransferFile
from filsluss.rules.addresses import canonical
from filsluss.rules.directions import Direction, Role
from filsluss.rules.lifecycle import State
from filsluss.rules.permissions import Act, Standing
from filsluss.rules.search import fold, prefix_range
from filsluss.rules.tokens import as_public_id

PER_PAGE = 50
MOST_COUNTED = 1000
CONTAINS_WITHIN = timedelta(days=90)
"""Text in the middle of a name or an address is searched for in transfers no older than this."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Page:
    """Transfers, newest first; `newer` and `older` are the cursors of the neighbouring pages, or empty."""

    rows: list[Transfer]
    newer: str
    older: str


def reached(standing: Standing, act: Act) -> QuerySet[Transfer]:
    """The transfers with which somebody may do this: all, or those from outside to certain domains."""
    domains = standing.domains_for(act)
    if domains is None:
        return Transfer.objects.all()
    inbound = Transfer.objects.filter(direction=Direction.INBOUND)
    if "" in domains:
        return inbound
    there = Q(pk__in=())
    for domain in domains:
        there |= Q(canonical__endswith=domain if domain.startswith(".") else f"@{domain}")
        there |= Q(canonical__endswith=f"@{domain[1:]}") if domain.startswith(".") else Q(pk__in=())
    recipients = Party.objects.filter(there, role=Role.RECIPIENT, transfer=OuterRef("pk"))
    return inbound.filter(Exists(recipients))


def search(query: str, state: str, *, standing: Standing, now: datetime) -> QuerySet[Transfer]:
    """Transfers by the public id of a transfer or a file, or else by text; all if `query` is empty.

    Text is matched with the beginning of names, addresses and file names, and in transfers younger than
    CONTAINS_WITHIN with any part of them. Cases whose addresses are masked are found by a whole one only.
    """
    found = reached(standing, Act.LIST_TRANSFERS)
    if standing.masks:
        found = found.filter(Q(pk__in=reached(standing, Act.READ_ADDRESSES).values("pk")) | _whole(query))
    if state in set(State):
        found = found.filter(state=state)
    if not query:
        return found
    reference = as_public_id(query)
    if reference and (exact := found.filter(_named(reference))).exists():
        return exact
    return found.filter(pk__in=_with_text(fold(query), _canonical(query), since=now - CONTAINS_WITHIN))


def masked_among(rows: Collection[Transfer], *, standing: Standing) -> set[int]:
    """Those of the transfers, by primary key, whose addresses are shown masked to whoever may do this."""
    keys = {row.pk for row in rows}
    if not standing.masks:
        return set()
    return keys - set(reached(standing, Act.READ_ADDRESSES).filter(pk__in=keys).values_list("pk", flat=True))


def _whole(query: str) -> Q:
    """The transfers that the query names: by a public id, or a whole address of theirs."""
    reference = as_public_id(query)
    named = _named(reference) if reference else Q(pk__in=())
    of_party = Party.objects.filter(canonical=canonical(query)).values("transfer_id")
    return named | Q(pk__in=of_party) if "@" in query else named


def _named(reference: str) -> Q:
    """One list of keys, as a condition or another list would have PostgreSQL look at every transfer."""
    of_file = TransferFile.objects.filter(public_id=reference).values_list("transfer_id")
    return Q(pk__in=Transfer.objects.filter(public_id=reference).values_list("pk").union(of_file))


def _canonical(query: str) -> str:
    return fold(canonical(query)) if "@" in query else fold(query)


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
    """The page of rows older than the cursor `before`, or newer than `after`; without both the newest page.

    Cursors hold the values that the list is sorted by, so that every page costs the same.
    """
    newer_than = read_cursor(after)
    older_than = None if newer_than else read_cursor(before)
    found = found.order_by("applied_at", "pk") if newer_than else found.order_by("-applied_at", "-pk")
    if newer_than:
        at, pk = newer_than
        found = found.filter(applied_at__gte=at).filter(Q(applied_at__gt=at) | Q(pk__gt=pk))
    elif older_than:
        at, pk = older_than
        found = found.filter(applied_at__lte=at).filter(Q(applied_at__lt=at) | Q(pk__lt=pk))
    rows = list(found.prefetch_related("parties")[: PER_PAGE + 1])
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

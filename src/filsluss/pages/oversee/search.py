"""Searching transfers: by a reference, an address, a name."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from filsluss.models import Party, Transfer, TransferFile
from filsluss.pages.oversee.found import Found, Words
from filsluss.rules.addresses import canonical
from filsluss.rules.directions import Direction, Role
from filsluss.rules.lifecycle import State
from filsluss.rules.permissions import Act, Standing
from filsluss.rules.search import fold
from filsluss.rules.tokens import as_public_id

CONTAINS_WITHIN = timedelta(days=90)
"""Text in the middle of a name or an address is searched for in transfers no older than this."""


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


def search(query: str, state: str, *, standing: Standing, now: datetime, parts: bool = False) -> Found:
    """Transfers by the public id of a transfer or a file, or else by text; all if `query` is empty.

    Text is what a name, an address or a file name begins with. With `parts`, and if nothing begins so, it
    is looked for in the middle of them, too, in transfers younger than CONTAINS_WITHIN. Cases whose
    addresses are masked are found by a whole one only.
    """
    among = reached(standing, Act.LIST_TRANSFERS)
    if standing.masks:
        among = among.filter(Q(pk__in=reached(standing, Act.READ_ADDRESSES).values("pk")) | _whole(query))
    if state in set(State):
        among = among.filter(state=state)
    if not query:
        return Found(among)
    reference = as_public_id(query)
    if reference and (exact := among.filter(_named(reference))).exists():
        return Found(exact)
    address = fold(canonical(query)) if "@" in query else fold(query)
    if not parts and (begins := Found.of(among, Words(fold(query), address))):
        return begins
    words = Words(fold(query), address, since=now - CONTAINS_WITHIN)
    return Found.of(among, words) or Found(among.none(), contains=True)


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

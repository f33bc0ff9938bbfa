"""Lost links: whoever asks gets the links of the mailbox's own live cases there, and nothing is told here."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from filsluss.actions.limits import count_for_network
from filsluss.installation import Services
from filsluss.letters import lost_link
from filsluss.letters.each_row import each_row
from filsluss.models import Letter, LinkRequest, Party
from filsluss.rules.addresses import AddressRefused, canonical, read_address
from filsluss.rules.application import party_problem
from filsluss.rules.blocking import BLOCKED
from filsluss.rules.directions import Role
from filsluss.rules.letter_kinds import LetterKind
from filsluss.rules.lifecycle import State
from filsluss.rules.networks import Client
from filsluss.rules.refusals import FormRefused

HOUR, MOST = timedelta(hours=1), 3
"""A mailbox gets so many such letters in this time."""
LOOKED_AT = 200
"""So many of a mailbox's newest roles in cases are looked at."""


def request_links(typed: str, *, services: Services, now: datetime, client: Client) -> None:
    """Writes the same row whatever the address, so that neither answer nor time tells who has a case.

    Raises FormRefused, or LimitReached: a network may ask as often as it may apply.
    """
    if problem := party_problem(typed, services.policy):
        raise FormRefused({"own_email": problem})
    with transaction.atomic():
        count_for_network(client, services=services, now=now, kind=LetterKind.LOST_LINK)
        LinkRequest.objects.create(address=read_address(typed), at=now)


def send_links(*, services: Services, now: datetime) -> int:
    """Answers the requests with a letter where there is something to tell; returns how many it deleted."""
    return each_row(
        "send lost links",
        LinkRequest.objects.order_by("pk"),
        lambda request: _answer(request, services=services, now=now),
        policy=services.policy,
        now=now,
    )


def _answer(request: LinkRequest, *, services: Services, now: datetime) -> int:
    """A letter to each spelling of the address that has live cases."""
    with transaction.atomic():
        deleted, _ = LinkRequest.objects.filter(pk=request.pk).delete()
        if not deleted:
            return 0
        for parties in _by_address(request.address):
            if _sent_lately(parties[0], now) < MOST:
                lost_link.write(parties, policy=services.policy, now=now)
    return 1


def _by_address(address: str) -> list[Sequence[Party]]:
    """The parties of that mailbox whose cases may live, by address: one with a tag gets only its own."""
    try:
        mailbox = canonical(read_address(address))
    except AddressRefused:
        return []
    alive = Party.objects.filter(canonical=mailbox, transfer__state__in=(State.PENDING, State.OPEN))
    alive = alive.filter(Q(role=Role.SENDER) | ~Q(transfer__reason_code=BLOCKED))
    found: dict[str, list[Party]] = {}
    for party in alive.select_related("transfer").order_by("-transfer__applied_at", "pk")[:LOOKED_AT]:
        found.setdefault(party.address.lower(), []).append(party)
    return list(found.values())


def _sent_lately(party: Party, now: datetime) -> int:
    letters = Letter.objects.filter(kind=LetterKind.LOST_LINK, written_at__gt=now - HOUR)
    return letters.filter(cases__party__canonical=party.canonical).distinct().count()

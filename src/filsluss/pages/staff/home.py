"""The page of whoever is signed in: what waits for their answer, what they sent and got, their sessions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.text import Truncator

from filsluss.actions.persons import has_roles, theirs_since
from filsluss.actions.staff_sessions import live_sessions
from filsluss.models import Link, Party, StaffSession, Transfer
from filsluss.models.link import STATUS_PURPOSE, LinkLost, keep_links, token_of
from filsluss.pages import presenters
from filsluss.pages.decorators import allow_methods
from filsluss.pages.oversee.labels import state_label
from filsluss.pages.staff.access import signed_in
from filsluss.rules.blocking import BLOCKED
from filsluss.rules.directions import Role
from filsluss.rules.lifecycle import State
from filsluss.rules.paths import STAFF, STATUS, UPLOAD
from filsluss.rules.tokens import Purpose

MOST, LONGEST_SHOWN = 50, 60


@dataclass(frozen=True)
class Row:
    """A transfer in one of the lists: `page` is where its name leads, `again` where it is made once more."""

    public_id: str
    other: str
    purpose: str
    state: str
    until: presenters.When | None
    page: str
    again: str = ""


@allow_methods("GET")
@signed_in
def home(request: HttpRequest, session: StaffSession) -> HttpResponse:
    person, now = session.person, timezone.now()
    mine, since = [person.canonical] if person.canonical else [], theirs_since(person)
    waiting = [
        transfer for transfer in to_answer(session, mine, since=since)[:MOST] if transfer.is_undecided_at(now)
    ]
    live = live_sessions(person, policy=settings.POLICY, now=now)
    answered = cases(Role.APPROVER, mine, since=since).exclude(state=State.PENDING)[:MOST]
    to_me = cases(Role.RECIPIENT, mine, since=since).filter(state=State.OPEN)[:MOST]
    page = {
        "person": person,
        "waiting": rows(waiting, Role.APPROVER, answering=True),
        "sent": rows(cases(Role.SENDER, mine, since=since)[:MOST], Role.SENDER),
        "to_me": rows(to_me, Role.RECIPIENT),
        "answered": rows(answered, Role.APPROVER),
        "sessions": [session_view(row, session) for row in live],
        "has_roles": has_roles(person, now=now),
        "ended": request.GET.get("done") == "ended",
        "most": MOST,
    }
    return render(request, "pages/staff/home.html", page)


def to_answer(session: StaffSession, mine: list[str], *, since: datetime | None) -> QuerySet[Transfer]:
    """Undecided cases, the newest first: those of their own address, and those of shared mailboxes."""
    found = cases(Role.APPROVER, [*mine, *session.mailboxes]).filter(state=State.PENDING)
    if since is None:
        return found
    own = cases(Role.APPROVER, mine, since=since).values("pk")
    return found.filter(Q(pk__in=own) | Q(pk__in=cases(Role.APPROVER, session.mailboxes).values("pk")))


def cases(role: Role, mailboxes: Iterable[str], *, since: datetime | None = None) -> QuerySet[Transfer]:
    """The cases in which one of these mailboxes has that role, and that are newer than that, newest first."""
    with_role = Transfer.objects.filter(parties__role=role, parties__canonical__in=list(mailboxes))
    if since:
        with_role = with_role.filter(applied_at__gt=since)
    if role is not Role.SENDER:
        with_role = with_role.exclude(reason_code=BLOCKED)
    return with_role.order_by("-applied_at", "-pk").prefetch_related("parties")


def rows(transfers: Iterable[Transfer], role: Role, *, answering: bool = False) -> list[Row]:
    found = list(transfers)
    parties = [party for transfer in found if (party := transfer.party(role))]
    by_pk = {party.pk: party for party in parties}
    links = list(Link.objects.filter(party__in=by_pk, file=None, revoked_at=None).order_by("pk"))
    for link in links:
        link.party = by_pk[link.party_id]
    keep_links(links)
    return [row(transfer, transfer.party(role), role, answering=answering) for transfer in found]


def row(transfer: Transfer, party: Party | None, role: Role, *, answering: bool) -> Row:
    is_mine = role is Role.SENDER
    uploads = is_mine and transfer.is_open_at(timezone.now())
    other = transfer.recipient if is_mine else transfer.sender
    return Row(
        public_id=transfer.public_id,
        other=other.address,
        purpose=Truncator(transfer.purpose).chars(LONGEST_SHOWN),
        state=state_label(transfer.state),
        until=presenters.last_day(transfer.lapse_by if answering else transfer.open_until),
        page=page_of(party, role, answering=answering, uploads=uploads),
        again=f"{STAFF.path('apply')}?again={transfer.public_id}" if is_mine else "",
    )


def page_of(party: Party | None, role: Role, *, answering: bool, uploads: bool) -> str:
    """Where the case is answered, uploaded to or looked at; empty if the key of its link is lost."""
    keys = settings.POLICY.link_keys
    try:
        if party is None:
            return ""
        if answering:
            return STAFF.path("decide", token_of(party, Purpose.DECIDE, keys))
        if uploads:
            return UPLOAD.path(token_of(party, Purpose.UPLOAD, keys))
        return STATUS.path(token_of(party, STATUS_PURPOSE[role], keys))
    except LinkLost:
        return ""


def session_view(row: StaffSession, current: StaffSession) -> dict[str, Any]:
    return {
        "pk": row.pk,
        "began": presenters.moment(row.began_at),
        "seen": presenters.moment(row.seen_at),
        "network": row.network,
        "is_this": row.pk == current.pk,
    }

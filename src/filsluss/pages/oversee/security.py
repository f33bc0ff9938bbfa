"""The security log: security events, with decisions and downloads from the audit trail between them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.db.models import Q, Value
from django.db.models.functions import Concat
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from filsluss.languages import LANGUAGES
from filsluss.models import AuditEntry, SecurityEvent
from filsluss.pages import presenters
from filsluss.pages.decorators import allow_methods
from filsluss.pages.oversee.access import permitted
from filsluss.pages.oversee.actors import actors_of
from filsluss.pages.oversee.labels import event_label, outcome_label, role_label, step_label
from filsluss.pages.oversee.noting import note_read
from filsluss.rules.lifecycle import APPROVED, CLOSED, REJECTED, WITHDRAWN, ErasedBecause
from filsluss.rules.permissions import Act
from filsluss.rules.security_events import Kind, Outcome

PER_PAGE = 50
TRAIL = "trail"
DECISIONS = (
    *(step.name for step in (APPROVED, REJECTED, WITHDRAWN, CLOSED)),
    "release-asked",
    "released",
    "block-added",
    "block-removed",
    *("role-given", "role-taken", "person-shut-out", "person-let-in", "sessions-ended"),
    *("account-added", "account-unlocked", "account-removed"),
    f"file-{ErasedBecause.REMOVED}",
)
DOWNLOADS = ("fetched", "partly-fetched")
"""The steps of the audit trail that are shown, too."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Position:
    """Where a row stands in the list, newest first. `source` is 0 for the trail and 1 for events."""

    at: datetime
    source: int
    pk: int

    @property
    def cursor(self) -> str:
        return f"{(self.at - EPOCH) // timedelta(microseconds=1)}.{self.source}.{self.pk}"

    @property
    def key(self) -> tuple[datetime, int, int]:
        return self.at, self.source, self.pk


@dataclass(frozen=True)
class Row:
    """One line of the table, as text."""

    position: Position
    when: presenters.When | None
    kind: str
    outcome: str
    count: int
    who: str
    network: str
    transfer: str
    request_id: str


def read_cursor(text: str) -> Position | None:
    """The position in a cursor; None for anything else."""
    parts = text.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 16 for part in parts):
        return None
    micros, source, pk = map(int, parts)
    return Position(EPOCH + timedelta(microseconds=micros), source, pk)


def is_older(source: int, position: Position | None) -> Q:
    """The rows of that source after `position`, from where the database goes on in its index; all without."""
    if position is None:
        return Q()
    if source == position.source:
        return Q(at__lte=position.at) & (Q(at__lt=position.at) | Q(pk__lt=position.pk))
    return Q(at__lte=position.at) if source < position.source else Q(at__lt=position.at)


def trail_rows(kind: str, before: Position | None) -> list[Row]:
    """Read by their times, and not by their steps, of which every entry would have to be sorted."""
    if kind not in ("", TRAIL):
        return []
    by_time = AuditEntry.objects.alias(word=Concat("step", Value("")))
    found = by_time.filter(is_older(0, before), word__in=(*DECISIONS, *DOWNLOADS))
    entries = list(found.order_by("-at", "-pk")[: PER_PAGE + 1])
    actors = actors_of(entries)
    return [
        Row(
            Position(entry.at, 0, entry.pk),
            when=presenters.table_moment(entry.at),
            kind=event_label(TRAIL),
            outcome=step_label(entry.step),
            count=1,
            who=actors[entry.pk] or role_label(entry.role),
            network=entry.network,
            transfer=entry.transfer_public_id,
            request_id=entry.request_id,
        )
        for entry in entries
    ]


def event_rows(kind: str, before: Position | None) -> list[Row]:
    found = SecurityEvent.objects.filter(is_older(1, before))
    if kind:
        found = found.filter(kind=kind)
    events = list(found.order_by("-at", "-pk")[: PER_PAGE + 1])
    return [
        Row(
            Position(event.at, 1, event.pk),
            when=presenters.table_moment(event.at),
            kind=event_label(event.kind),
            outcome=outcome_label(event.outcome),
            count=event.count,
            who=event.account or event.person.partition(":")[2],
            network=event.network,
            transfer=event.transfer_public_id,
            request_id=event.request_id,
        )
        for event in events
    ]


@allow_methods("GET")
@permitted(Act.READ_SECURITY_LOG)
def security_log(request: HttpRequest) -> HttpResponse:
    note_read(request, Outcome.SECURITY_LOG)
    asked, before = request.GET.get("kind", ""), read_cursor(request.GET.get("before", ""))
    kind = asked if asked in (TRAIL, *Kind) else ""
    rows = [*trail_rows(kind, before), *event_rows(kind, before)]
    rows.sort(key=lambda row: row.position.key, reverse=True)
    lang = request.GET.get("lang", "")
    chosen = {"kind": kind, "lang": lang if lang in LANGUAGES else ""}
    page = {
        "rows": rows[:PER_PAGE],
        "older": rows[PER_PAGE - 1].position.cursor if len(rows) > PER_PAGE else "",
        "is_newest": before is None,
        "kind": kind,
        "kinds": [(TRAIL, event_label(TRAIL)), *((each.value, event_label(each)) for each in Kind)],
        "query": urlencode({name: value for name, value in chosen.items() if value}),
    }
    return render(request, "pages/oversee/security.html", page)

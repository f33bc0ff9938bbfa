"""The administrator's list of transfers with its search, and one transfer with files, letters and trail."""

from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from filsluss.actions import alarms
from filsluss.models import AuditEntry, Letter, Transfer
from filsluss.pages import presenters
from filsluss.pages.context import posted_text
from filsluss.pages.decorators import allow_methods
from filsluss.pages.error_messages import Problem
from filsluss.pages.oversee.access import administrators_only
from filsluss.pages.oversee.actors import actors_of
from filsluss.pages.oversee.labels import (
    alarm_label,
    delivery_label,
    letter_label,
    role_label,
    state_label,
    step_label,
)
from filsluss.pages.oversee.search import MOST_COUNTED, file_counts, page_of, search
from filsluss.rules.contrast import light_shades, was_darkened
from filsluss.rules.lifecycle import State


@allow_methods("GET")
@administrators_only
def transfers(request: HttpRequest) -> HttpResponse:
    asked = request.GET.get("q", "").replace("\0", "").strip()[:254]
    state = request.GET.get("state", "")
    found = search(asked, state, now=timezone.now())
    some = page_of(found, before=request.GET.get("before", ""), after=request.GET.get("after", ""))
    counts = file_counts(some.rows)
    accent = settings.POLICY.accent
    page = {
        "newer": some.newer,
        "older": some.older,
        "count": found[: MOST_COUNTED + 1].count(),
        "most_counted": MOST_COUNTED,
        "darkened": light_shades(accent).brand if was_darkened(accent) else "",
        "alarms": [
            (alarm_label(each.name), each, presenters.moment(each.since)) for each in alarms.active_alarms()
        ],
        "rows": [
            (row, state_label(row.state), presenters.moment(row.applied_at), counts.get(row.pk, 0))
            for row in some.rows
        ],
        "q": asked,
        "state": state,
        "states": [(each.value, state_label(each)) for each in State if each is not State.NEW],
        "query": "&" + urlencode({"q": asked, "state": state}),
    }
    return render(request, "pages/oversee/transfers.html", page)


def transfer_named(public_id: str) -> Transfer:
    found = Transfer.objects.filter(public_id=public_id).first()
    if found is None:
        raise Http404
    return found


@allow_methods("GET")
@administrators_only
def transfer(request: HttpRequest, public_id: str) -> HttpResponse:
    return show(request, transfer_named(public_id))


def show(
    request: HttpRequest, row: Transfer, *, status: int = 200, problems: list[Problem] | None = None
) -> HttpResponse:
    files = row.files.prefetch_related(*presenters.WITH_LETTERS).order_by("created_at", "id")
    letters = Letter.objects.about(row).order_by("written_at", "id")
    trail = list(AuditEntry.objects.filter(transfer_public_id=row.public_id))
    actors = actors_of(trail)
    page = {
        "transfer": row,
        "state_word": state_label(row.state),
        "applied": presenters.moment(row.applied_at),
        "decided": presenters.moment(row.decided_at),
        "through": presenters.last_day(row.open_until),
        "erased": presenters.moment(row.erased_at),
        "files": [presenters.file_view(file) for file in files],
        "letters": [
            (each, letter_label(each.kind), delivery_label(each.delivery), presenters.moment(each.written_at))
            for each in letters
        ],
        "trail": [
            (
                entry,
                step_label(entry.step),
                actors[entry.pk] or role_label(entry.role),
                presenters.moment(entry.at),
            )
            for entry in trail
        ],
        "is_open": row.state == State.OPEN,
        "is_pending": row.state == State.PENDING,
        "problems": problems or [],
        "failed_field": problems[0].field if problems else "",
        "typed_reason": posted_text(request, "reason"),
    }
    return render(request, "pages/oversee/transfer.html", page, status=status)

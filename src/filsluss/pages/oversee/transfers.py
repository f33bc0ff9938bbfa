"""The administrator's list of transfers, its search, and one transfer with its files, letters and trail."""

from urllib.parse import urlencode

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from filsluss.actions import alarms
from filsluss.models import AuditEntry, Transfer, TransferFile
from filsluss.pages import presenters
from filsluss.pages.context import posted_text
from filsluss.pages.decorators import allow_methods
from filsluss.pages.error_messages import Problem
from filsluss.pages.oversee.access import administrators_only
from filsluss.pages.oversee.labels import (
    actor_label,
    alarm_label,
    delivery_label,
    letter_label,
    state_label,
    step_label,
)
from filsluss.rules.contrast import light_shades, was_darkened
from filsluss.rules.lifecycle import State

PER_PAGE = 50


@allow_methods("GET")
@administrators_only
def transfers(request: HttpRequest) -> HttpResponse:
    asked = request.GET.get("q", "").replace("\0", "").strip()[:254]
    state = request.GET.get("state", "")
    found = search(asked, state)
    accent = settings.POLICY.accent
    leaf = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    page = {
        "leaf": leaf,
        "darkened": light_shades(accent).brand if was_darkened(accent) else "",
        "alarms": [
            (alarm_label(each.name), each, presenters.moment(each.since)) for each in alarms.active_alarms()
        ],
        "rows": [(row, state_label(row.state), presenters.moment(row.applied_at)) for row in leaf],
        "q": asked,
        "state": state,
        "states": [(each.value, state_label(each)) for each in State if each is not State.NEW],
        "query": "&" + urlencode({"q": asked, "state": state}),
    }
    return render(request, "pages/oversee/transfers.html", page)


def search(asked: str, state: str) -> QuerySet[Transfer]:
    """By public id, by an address, or by the name of a file; all of it when nothing is asked."""
    found = Transfer.objects.annotate(file_count=Count("files", distinct=True)).order_by("-applied_at", "-id")
    if state in set(State):
        found = found.filter(state=state)
    if not asked:
        return found
    parties = ("sender_email", "recipient_email", "approver_email")
    match = Q(public_id__iexact=asked) | Q(pk__in=with_file(asked))
    for field in parties:
        match |= Q(**{f"{field}__icontains": asked})
    return found.filter(match)


def with_file(asked: str) -> QuerySet[TransferFile, int]:
    named = TransferFile.objects.filter(Q(name__icontains=asked) | Q(public_id__iexact=asked))
    return named.values_list("transfer_id", flat=True)


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
    files = row.files.prefetch_related("letters").order_by("created_at", "id")
    letters = row.letters.order_by("written_at", "id")
    trail = AuditEntry.objects.filter(transfer_id_public=row.public_id)
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
            (entry, step_label(entry.step), actor_label(entry.actor, entry.role), presenters.moment(entry.at))
            for entry in trail
        ],
        "is_open": row.state == State.OPEN,
        "is_pending": row.state == State.PENDING,
        "problems": problems or [],
        "failed_field": problems[0].field if problems else "",
        "typed_reason": posted_text(request, "reason"),
    }
    return render(request, "pages/oversee/transfer.html", page, status=status)

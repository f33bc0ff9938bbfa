"""The list of transfers with its search, and one transfer with its files, letters and audit trail."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from filsluss.actions import alarms, oversee
from filsluss.actions.extend import more_days
from filsluss.models import AuditEntry, Letter, Transfer
from filsluss.models.batches import MOST_NAMES
from filsluss.models.letter import Delivery
from filsluss.pages import presenters
from filsluss.pages.decorators import allow_methods
from filsluss.pages.error_messages import Problem
from filsluss.pages.oversee.access import flags, permitted, standing_in
from filsluss.pages.oversee.actors import actors_of
from filsluss.pages.oversee.found import file_counts, page_of
from filsluss.pages.oversee.labels import (
    STATE_TONES,
    alarm_label,
    delivery_label,
    detail_label,
    letter_label,
    role_label,
    state_label,
    step_label,
    way_label,
)
from filsluss.pages.oversee.noting import note_opened, note_read
from filsluss.pages.oversee.search import masked_among, reached, search
from filsluss.rules.contrast import light_shades, was_darkened
from filsluss.rules.lifecycle import FileState, State
from filsluss.rules.permissions import Act
from filsluss.rules.search import as_asked
from filsluss.rules.security_events import Outcome


@allow_methods("GET")
@permitted(Act.LIST_TRANSFERS)
def transfers(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "").replace("\0", "").strip()[:254]
    state = request.GET.get("state", "")
    note_read(request, Outcome.SEARCH if query else Outcome.LIST)
    parts = request.GET.get("parts", "") == "1"
    standing, now = standing_in(request), timezone.now()
    found = search(as_asked(query), state, standing=standing, now=now, parts=parts)
    shown = page_of(found, before=request.GET.get("before", ""), after=request.GET.get("after", ""))
    counts, masked = file_counts(shown.rows), masked_among(shown.rows, standing=standing)
    count, are_all = found.count()
    accent = settings.POLICY.accent
    page = {
        "newer": shown.newer,
        "older": shown.older,
        "count": count,
        "more": not are_all,
        "inside": "&parts=1" if found.begins and not standing.masks else "",
        "looked_inside": found.contains and not standing.masks,
        "darkened": light_shades(accent).brand if was_darkened(accent) else "",
        "alarms": [
            (alarm_label(each.name), each, presenters.moment(each.since)) for each in alarms.active_alarms()
        ],
        "rows": [listed(row, counts.get(row.pk, 0), mask=row.pk in masked) for row in shown.rows],
        "may": flags(request),
        "mask": standing.masks,
        "q": query,
        "state": state,
        "states": [(each.value, state_label(each)) for each in State if each is not State.NEW],
        "query": "&" + urlencode({"q": query, "state": state, **({"parts": 1} if parts else {})}),
    }
    return render(request, "pages/oversee/transfers.html", page)


def listed(row: Transfer, file_count: int, *, mask: bool) -> dict[str, Any]:
    """The values of a row of the list; the last day is that of the answer while nobody has answered."""
    return {
        "mask": mask,
        "transfer": row,
        "state": state_label(row.state),
        "tone": STATE_TONES.get(State(row.state), "over"),
        "way": way_label(row.direction),
        "files": file_count,
        "last_day": presenters.last_day(row.lapse_by if row.state == State.PENDING else row.open_until),
        "applied": presenters.table_moment(row.applied_at),
    }


def transfer_named(request: HttpRequest, public_id: str, act: Act) -> Transfer:
    """The transfer, if the reader may do this with it; to them any other is unknown."""
    found = reached(standing_in(request), act).filter(public_id=public_id).first()
    if found is None:
        raise Http404
    return found


@allow_methods("GET")
@permitted(Act.READ_TRANSFER)
def transfer(request: HttpRequest, public_id: str) -> HttpResponse:
    row = transfer_named(request, public_id, Act.READ_TRANSFER)
    note_read(request, Outcome.TRANSFER, transfer=row.public_id)
    note_opened(request, row)
    return show(request, row)


def show(
    request: HttpRequest,
    row: Transfer,
    *,
    status: int = 200,
    problems: list[Problem] | None = None,
) -> HttpResponse:
    files = row.files.prefetch_related(*presenters.WITH_LETTERS).order_by("created_at", "id")
    mask = bool(masked_among([row], standing=standing_in(request)))
    page = {
        "transfer": row,
        "may": flags(request),
        "mask": mask,
        "sender_name": "" if mask else presenters.sender_name(row),
        "state_word": state_label(row.state),
        "state_tone": STATE_TONES.get(State(row.state), "over"),
        "way": way_label(row.direction),
        "applied": presenters.moment(row.applied_at),
        "asked": presenters.moment(row.asked_at),
        "list_at": presenters.list_at(row),
        "decided": presenters.moment(row.decided_at),
        "through": presenters.last_day(row.open_until),
        "erased": presenters.moment(row.erased_at),
        "files": [presenters.file_view(file) for file in files.iterator(chunk_size=MOST_NAMES)],
        "release_marks": release_marks_of(row, mask=mask),
        "letters": letters_of(row),
        "trail": trail_of(row),
        "done": done_words(request.GET.get("done", ""), row) if request.method == "GET" else "",
        "is_open": row.state == State.OPEN,
        "may_last_longer": more_days(row, policy=settings.POLICY, now=timezone.now()) > 0,
        "is_pending": row.state == State.PENDING,
        "problems": problems or [],
    }
    return render(request, "pages/oversee/transfer.html", page, status=status)


def release_marks_of(row: Transfer, *, mask: bool) -> list[dict[str, Any]]:
    """The files that one person of two has let through: name, who that was, until when the mark holds."""
    marks = list(oversee.release_marks(row, now=timezone.now()))
    actors = actors_of(marks)
    return [
        {
            "name": mark.file_public_id if mask else mark.about,
            "who": actors[mark.pk] or role_label(mark.role),
            "until": presenters.moment(mark.at + oversee.RELEASE_WAITS),
        }
        for mark in marks
    ]


def done_words(done: str, row: Transfer) -> str:
    """What the page says first after an act; empty if that is not true."""
    words = {
        "released": _("The file is let through. The recipient gets an email."),
        "release-asked": _("Noted. A second person must also let the file through, within 24 hours."),
        "removed": _("The file is being deleted. Those who know of it get an email."),
        "sent-again": _("The email is being sent again."),
        "given-back": _("The file is available again."),
        "extended": _("The account lasts longer now: see its last day."),
    }
    if row.files.filter(state=FileState.WITHHELD).exists():
        words["withheld"] = _("The file can no longer be downloaded. Below you can restore it.")
    if row.closed_reason:
        words["closed"] = _("The account has ended. Its files are being deleted.")
        words["withdrawn"] = _("The request is withdrawn. The sender gets an email.")
    return words.get(done, "")


def letters_of(row: Transfer) -> list[tuple[Letter, str, str, presenters.When | None, bool]]:
    """Each letter: its kind and state in words, when it was written, whether it can be sent again."""
    letters = Letter.objects.about(row).prefetch_related("again").order_by("written_at", "id")
    return [
        (
            each,
            letter_label(each.kind),
            delivery_label(each.delivery),
            presenters.table_moment(each.written_at),
            each.delivery == Delivery.GIVEN_UP and not each.again.all(),
        )
        for each in letters
    ]


def trail_of(row: Transfer) -> list[tuple[AuditEntry, str, str, presenters.When | None, str]]:
    """Each audit entry with its step in words, who took it, when, and what it notes besides."""
    entries = list(AuditEntry.objects.filter(transfer_public_id=row.public_id))
    actors = actors_of(entries)
    return [
        (
            each,
            step_label(each.step),
            actors[each.pk] or role_label(each.role),
            presenters.table_moment(each.at),
            detail_label(each.detail),
        )
        for each in entries
    ]

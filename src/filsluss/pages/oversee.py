"""The administrator's rooms: sign in, search, see, and take away with a reason; no bytes are opened here."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from filsluss.actions import alarm, oversee
from filsluss.actions.advance import StepRefused
from filsluss.models import AuditEntry, Transfer, TransferFile
from filsluss.pages import calm, sight
from filsluss.pages.manners import client_of, takes, typed, unlisted
from filsluss.pages.oversee_words import (
    actor_word,
    alarm_word,
    delivery_word,
    letter_word,
    state_word,
    step_word,
)
from filsluss.pages.words import Problem, problems_in
from filsluss.rules.colours import light_shades, was_darkened
from filsluss.rules.lifecycle import State

PER_PAGE = 50
ENTRANCE = "/oversee"
Act = Callable[[str, str], None]
View = Callable[..., HttpResponseBase]


def administrators_only(view: View) -> View:
    """Anyone else is shown the way to the sign-in, and comes back here from it."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_staff and not getattr(request.user, "is_superuser", False):
            back = quote(request.path, safe="/")
            return HttpResponseRedirect(f"{ENTRANCE}/sign-in?next={back}", status=303)
        return view(request, *args, **kwargs)

    return unlisted(guarded)


@takes("GET", "POST")
@unlisted
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return sign_in_form(request)
    try:
        oversee.count_sign_in(client_of(request), now=timezone.now())
    except oversee.TooManySignIns as crowd:
        return too_many_sign_ins(request, crowd.retry_after)
    name, password = typed(request, "username"), request.POST.get("password", "")
    user = authenticate(request, username=name, password=password.replace("\0", ""))
    if user is None or not (user.is_staff or user.is_superuser):
        found = problems_in({"username": "sign_in_wrong"}, order=("username",), typed={})
        return sign_in_form(request, status=422, problems=found)
    oversee.excuse_sign_in(client_of(request))
    login(request, user)
    return HttpResponseRedirect(way_back(request), status=303)


def way_back(request: HttpRequest) -> str:
    """Where the sign-in was asked for, if that was in these rooms."""
    wanted = request.GET.get("next", "")
    inside = wanted.startswith(f"{ENTRANCE}/transfers/") and wanted.isascii() and wanted.isprintable()
    return quote(wanted, safe="/-") if inside else ENTRANCE


def too_many_sign_ins(request: HttpRequest, seconds: int) -> HttpResponse:
    found = [Problem("username", f"{_('Too many attempts')}. {calm.wait_text(seconds)}")]
    response = sign_in_form(request, status=429, problems=found)
    response.headers["Retry-After"] = str(seconds)
    return response


def sign_in_form(
    request: HttpRequest, *, status: int = 200, problems: Sequence[Problem] = ()
) -> HttpResponse:
    page = {"problems": problems, "typed": {"username": typed(request, "username")}}
    return render(request, "pages/oversee_sign_in.html", page, status=status)


@takes("POST")
@unlisted
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponseRedirect(f"{ENTRANCE}/sign-in", status=303)


@takes("GET")
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
        "alarms": [(alarm_word(each.name), each, sight.moment(each.since)) for each in alarm.current()],
        "rows": [(row, state_word(row.state), sight.moment(row.applied_at)) for row in leaf],
        "q": asked,
        "state": state,
        "states": [(each.value, state_word(each)) for each in State if each is not State.NEW],
        "query": "&" + urlencode({"q": asked, "state": state}),
    }
    return render(request, "pages/oversee_transfers.html", page)


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


@takes("GET")
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
        "state_word": state_word(row.state),
        "applied": sight.moment(row.applied_at),
        "decided": sight.moment(row.decided_at),
        "through": sight.last_day(row.open_until),
        "erased": sight.moment(row.erased_at),
        "files": [sight.file_sight(file) for file in files],
        "letters": [
            (each, letter_word(each.kind), delivery_word(each.delivery), sight.moment(each.written_at))
            for each in letters
        ],
        "trail": [
            (entry, step_word(entry.step), actor_word(entry.actor, entry.role), sight.moment(entry.at))
            for entry in trail
        ],
        "is_open": row.state == State.OPEN,
        "is_pending": row.state == State.PENDING,
        "problems": problems or [],
        "failed_field": problems[0].field if problems else "",
        "typed_reason": typed(request, "reason"),
    }
    return render(request, "pages/oversee_transfer.html", page, status=status)


def carry_out(request: HttpRequest, row: Transfer, act: Act, *, field: str) -> HttpResponse:
    """Does it and shows the case again; without a reason 422, and 409 if it was too late."""
    try:
        act(typed(request, "reason"), request.user.get_username())
    except oversee.ReasonMissing:
        found = problems_in({field: "reason_missing"}, order=(), typed={})
        return show(request, row, status=422, problems=found)
    except StepRefused:
        row.refresh_from_db()
        late = _("It was too late: somebody or something else was first. This is how it stands now.")
        return show(request, row, status=409, problems=[Problem("case", late)])
    return HttpResponseRedirect(f"{ENTRANCE}/transfers/{row.public_id}", status=303)


@takes("POST")
@administrators_only
def close(request: HttpRequest, public_id: str) -> HttpResponse:
    row, now = transfer_named(public_id), timezone.now()

    def act(reason: str, by: str) -> None:
        oversee.close_transfer(row, reason=reason, by=by, policy=settings.POLICY, now=now)

    return carry_out(request, row, act, field="reason-close")


@takes("POST")
@administrators_only
def withdraw(request: HttpRequest, public_id: str) -> HttpResponse:
    row, now = transfer_named(public_id), timezone.now()

    def act(reason: str, by: str) -> None:
        oversee.withdraw(row, reason=reason, by=by, policy=settings.POLICY, now=now)

    return carry_out(request, row, act, field="reason-withdraw")


def file_named(public_id: str) -> TransferFile:
    file = TransferFile.objects.select_related("transfer").filter(public_id=public_id).first()
    if file is None:
        raise Http404
    return file


@takes("POST")
@administrators_only
def release(request: HttpRequest, public_id: str) -> HttpResponse:
    file, now = file_named(public_id), timezone.now()

    def act(reason: str, by: str) -> None:
        oversee.release_file(file, reason=reason, by=by, now=now)

    return carry_out(request, file.transfer, act, field=f"reason-release-{file.public_id}")


@takes("POST")
@administrators_only
def remove(request: HttpRequest, public_id: str) -> HttpResponse:
    file, now = file_named(public_id), timezone.now()

    def act(reason: str, by: str) -> None:
        oversee.remove_file(file, reason=reason, by=by, policy=settings.POLICY, now=now)

    return carry_out(request, file.transfer, act, field=f"reason-{file.public_id}")

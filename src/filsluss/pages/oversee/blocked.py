"""The block list: its lines, and forms that add one and remove one."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from filsluss.actions import block_list
from filsluss.actions.oversee import Reason
from filsluss.installation import current_services
from filsluss.models import Blocked
from filsluss.pages import presenters
from filsluss.pages.context import NUMBER_BOX, posted_text
from filsluss.pages.decorators import allow_methods
from filsluss.pages.error_messages import Problem
from filsluss.pages.form_page import Form, form_page
from filsluss.pages.oversee import unsent
from filsluss.pages.oversee.access import permitted, standing_in
from filsluss.pages.oversee.actors import name_of
from filsluss.pages.oversee.noting import note_read
from filsluss.rules.addresses import pasted_address
from filsluss.rules.blocking import MOST_DAYS
from filsluss.rules.paths import OVERSEE
from filsluss.rules.permissions import Act, StaffRole
from filsluss.rules.security_events import Outcome

ORDER = ("value", "reason", "days")
PER_PAGE = 100


@allow_methods("GET")
@permitted(Act.READ_BLOCK_LIST)
def blocked(request: HttpRequest) -> HttpResponse:
    note_read(request, Outcome.BLOCK_LIST)
    if kept := unsent.taken(request):
        return show(request, Form(kept.fields, ORDER), kept=[Problem("value", unsent.kept_words())])
    return show(request, Form({}, ORDER))


@allow_methods("POST")
@permitted(Act.CHANGE_BLOCK_LIST)
def add(request: HttpRequest) -> HttpResponse:
    typed = {name: posted_text(request, name) for name in (*ORDER, NUMBER_BOX)}
    typed["value"] = request.POST.get("value", "")

    def send() -> str:
        block_list.block(
            pasted_address(typed["value"]),
            days=typed["days"].strip(),
            reason=Reason(typed["reason"], person_of(request), numbers_confirmed=bool(typed[NUMBER_BOX])),
            role=role_of(request),
            services=current_services(),
            now=timezone.now(),
        )
        return there("added")

    return form_page(request, Form(typed, ORDER), show=lambda form: show(request, form), send=send)


@allow_methods("POST")
@permitted(Act.CHANGE_BLOCK_LIST)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """The list without it; nothing else happens if somebody else was first."""
    if row := Blocked.objects.filter(pk=pk).first():
        block_list.unblock(row, person=person_of(request), role=role_of(request), now=timezone.now())
    return HttpResponseRedirect(there("removed"), status=303)


def person_of(request: HttpRequest) -> str:
    return f"user:{request.user.pk}"


def role_of(request: HttpRequest) -> StaffRole:
    return standing_in(request).role_for(Act.CHANGE_BLOCK_LIST)


def there(done: str) -> str:
    return f"{OVERSEE.path('blocked')}?lang={translation.get_language()}&done={done}"


def show(request: HttpRequest, form: Form, *, kept: Sequence[Problem] = ()) -> HttpResponse:
    now = timezone.now()
    after = request.GET.get("after", "").replace("\0", "")[:255] if request.method == "GET" else ""
    found = list(Blocked.objects.filter(until__gt=now, value__gt=after).order_by("value")[: PER_PAGE + 1])
    more, found = len(found) > PER_PAGE, found[:PER_PAGE]
    names = names_of(found)
    words = {
        "added": _("The block is on the list and holds from now on."),
        "removed": _("The block has ended."),
    }
    done = words.get(request.GET.get("done", ""), "") if request.method == "GET" else ""
    page: dict[str, Any] = {
        "rows": [(row, presenters.last_day(row.until), names.get(row.by, "")) for row in found],
        "is_first": not after,
        "next": urlencode({"after": found[-1].value}) if more else "",
        "may_change": standing_in(request).may(Act.CHANGE_BLOCK_LIST),
        "done": done,
        "most_days": MOST_DAYS,
        "number_confirmed": bool(form.typed.get(NUMBER_BOX)),
    }
    page |= form.values() | ({"problems": kept} if kept else {})
    return render(request, "pages/oversee/blocked.html", page, status=form.status)


def names_of(rows: list[Blocked]) -> dict[str, str]:
    """Who added these, by `Blocked.by`."""
    keys = [row.by.removeprefix("user:") for row in rows if row.by.startswith("user:")]
    users = User.objects.filter(pk__in=keys).select_related("person")
    return {f"user:{user.pk}": name_of(user) for user in users}

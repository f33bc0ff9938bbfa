"""Persons who sign in, and their roles: who has which, until when, by whom; given and taken by hand."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from filsluss.actions import persons as actions
from filsluss.actions.staff_sessions import live_sessions
from filsluss.actions.transitions import Cause
from filsluss.models import Person, RoleGrant
from filsluss.pages import presenters
from filsluss.pages.context import only_language_is_switched, posted_text
from filsluss.pages.decorators import allow_methods
from filsluss.pages.error_messages import Problem, form_problems
from filsluss.pages.oversee import unsent
from filsluss.pages.oversee.access import flags, permitted
from filsluss.pages.oversee.labels import role_label
from filsluss.rules.addresses import canonical
from filsluss.rules.paths import OVERSEE
from filsluss.rules.permissions import SCOPED, Act, StaffRole
from filsluss.rules.refusals import FormRefused
from filsluss.rules.search import as_asked, fold

MOST = 100
LONGEST_DAYS = 3650


@allow_methods("GET")
@permitted(Act.READ_PERSONS)
def persons(request: HttpRequest) -> HttpResponse:
    """Who has a role, or whom a name, an account or an address finds."""
    query = request.GET.get("q", "").replace("\0", "").strip()[:254]
    rows = Person.objects.order_by("name", "pk").prefetch_related("grants")
    if query:
        rows = rows.filter(pk__in=named(as_asked(query)))
    else:
        rows = rows.filter(Q(grants__isnull=False) | Q(shut_at__isnull=False)).distinct()
    page = {
        "q": query,
        "may": flags(request),
        "rows": [
            (row, [grant_view(each) for each in row.grants.all()], presenters.moment(row.seen_at))
            for row in rows.select_related("user")[:MOST]
        ],
    }
    return render(request, "pages/oversee/persons.html", page)


def named(query: str) -> list[int]:
    """The first MOST persons that a name, an account or an address finds, by their keys.

    They are compared here, as SQLite folds no letters but a to z.
    """
    text, address = fold(query), canonical(query)
    known = Person.objects.order_by("name", "pk").values_list("pk", "name", "user__username", "canonical")
    found = (
        pk
        for pk, name, account, mailbox in known.iterator()
        if text in fold(name) or text == fold(account) or address == mailbox
    )
    return list(islice(found, MOST))


@allow_methods("GET", "POST")
@permitted(Act.CHANGE_PERSONS)
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """One person: give and take roles, end their sessions, shut out and let in."""
    person = Person.objects.select_related("user").filter(pk=pk).first() if pk < 1 << 62 else None
    if person is None:
        raise Http404
    if request.method != "POST" and (kept := unsent.taken(request)):
        return person_page(
            request, person, problems=[Problem("role", unsent.kept_words())], typed=kept.fields
        )
    if request.method != "POST" or only_language_is_switched(request):
        return person_page(request, person)
    now, act, by = timezone.now(), request.POST.get("act", ""), by_reader(request)
    acts: dict[str, Callable[[], object]] = {
        "give": lambda: give(request, person, by=by, now=now),
        "take": lambda: take(request, person, by=by, now=now),
        "end": lambda: actions.sign_out(person, by=by, now=now),
        "shut-out": lambda: actions.shut_out(person, by=by, now=now),
        "let-in": lambda: actions.let_in(person, by=by, now=now),
    }
    try:
        done = acts[act]() if act in acts else False
    except FormRefused as refused:
        problems = form_problems(refused.problems, order=("role", "scope", "days"), typed={})
        return person_page(request, person, status=refused.status, problems=problems)
    query = f"?lang={translation.get_language()}" + (f"&done={act}" if done else "")
    return HttpResponseRedirect(OVERSEE.path("persons", str(person.pk)) + query, status=303)


def by_reader(request: HttpRequest) -> Cause:
    return Cause(StaffRole.ADMINISTRATOR, f"user:{request.user.pk}")


def give(request: HttpRequest, person: Person, *, by: Cause, now: datetime) -> bool:
    """Gives the role of the form. Raises FormRefused."""
    named, scope, days = (posted_text(request, field).strip() for field in ("role", "scope", "days"))
    role = StaffRole(named) if named in set(StaffRole) else None
    scope, found = scope.lower().lstrip("@"), {}
    if role is None:
        found["role"] = "role_unknown"
    if scope and (role not in SCOPED or scope not in settings.POLICY.inside_domains):
        found["scope"] = "scope_unknown"
    is_number = days.isascii() and days.isdigit() and len(days) <= 4
    if days and not (is_number and 1 <= int(days) <= LONGEST_DAYS):
        found["days"] = "role_days"
    if role is None or found:
        raise FormRefused(found)
    until = now + timedelta(days=int(days)) if days else None
    actions.give_role(person, role=role, scope=scope, until=until, by=by, now=now)
    return True


def take(request: HttpRequest, person: Person, *, by: Cause, now: datetime) -> bool:
    chosen = request.POST.get("grant", "")
    is_number = chosen.isdecimal() and len(chosen) < 19
    return is_number and actions.take_role(person, pk=int(chosen), by=by, now=now)


def done_words(done: str, person: Person) -> str:
    """What the page says first after an act; empty if that is not true."""
    words = {
        "give": _("The role is given."),
        "take": _("The role is taken away."),
        "end": _("All sessions have ended."),
    }
    if person.shut_at:
        words["shut-out"] = _("They are shut out, and signed out everywhere.")
    else:
        words["let-in"] = _("They may sign in again.")
    return words.get(done, "")


def grant_view(grant: RoleGrant) -> dict[str, Any]:
    return {
        "pk": grant.pk,
        "role": role_label(grant.role),
        "scope": grant.scope,
        "is_claim": grant.by == RoleGrant.BY_CLAIM,
        "by": _("a group of the sign-in") if grant.by == RoleGrant.BY_CLAIM else grant.by.partition(":")[2],
        "until": presenters.moment(grant.until),
    }


def person_page(
    request: HttpRequest,
    person: Person,
    *,
    status: int = 200,
    problems: list[Problem] | None = None,
    typed: Mapping[str, str] | None = None,
) -> HttpResponse:
    now = timezone.now()
    page = {
        "person": person,
        "problems": problems or [],
        "done": done_words(request.GET.get("done", ""), person) if request.method == "GET" else "",
        "grants": [grant_view(each) for each in person.grants.order_by("role", "scope")],
        "roles": [(role.value, role_label(role)) for role in StaffRole],
        "domains": settings.POLICY.inside_domains,
        "typed": typed or {field: posted_text(request, field) for field in ("role", "scope", "days")},
        "sessions": len(live_sessions(person, policy=settings.POLICY, now=now)),
        "shut": presenters.moment(person.shut_at),
        "is_me": person.user_id == request.user.pk,
    }
    return render(request, "pages/oversee/person.html", page, status=status)

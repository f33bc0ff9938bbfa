"""Sign-in to the administrator's pages, and sign-out."""

from collections.abc import Sequence

from django.conf import settings
from django.contrib.auth import authenticate, logout
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from filsluss.actions import sign_in as actions
from filsluss.actions.limits import LimitReached
from filsluss.actions.second_factors import has_factor
from filsluss.actions.staff_sessions import end_session
from filsluss.models import Person
from filsluss.pages import errors
from filsluss.pages.context import client_of, posted_text
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.error_messages import Problem, form_problems
from filsluss.pages.oversee import unsent
from filsluss.pages.oversee.access import permitted, sign_in_page
from filsluss.pages.oversee.second_step import expect_second_step
from filsluss.pages.oversee.unsent import OVERSEE_PATH
from filsluss.pages.staff.access import staff_session
from filsluss.rules.paths import SECOND_STEP
from filsluss.rules.permissions import Act
from filsluss.rules.sign_in import LocalSignIn


@allow_methods("GET", "POST")
@private_page
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return sign_in_form(request)
    if settings.POLICY.local_sign_in is LocalSignIn.NO:
        raise PermissionDenied
    client, now = client_of(request), timezone.now()
    name, password = posted_text(request, "username")[:254], request.POST.get("password", "")
    try:
        actions.count_sign_in(client, name=name, now=now)
    except LimitReached as reached:
        return too_many_sign_ins(request, reached)
    user = authenticate(request, username=name, password=password.replace("\0", ""))
    if not isinstance(user, User):
        actions.sign_in_failed(name, client=client, now=now)
        return refuse(request, "sign_in_wrong", status=422)
    person = Person.objects.filter(user=user.pk, issuer="", shut_at=None).first()
    if person is None or not has_factor(person):
        return refuse(request, "factor_missing", status=403)
    expect_second_step(request, person, now=now)
    if typed := unsent.posted(request):
        unsent.keep(request, typed)
    query = request.GET.urlencode()
    return HttpResponseRedirect(f"{SECOND_STEP}{'?' if query else ''}{query}", status=303)


def refuse(request: HttpRequest, code: str, *, status: int) -> HttpResponse:
    found = form_problems({"username": code}, order=("username",), typed={})
    return sign_in_form(request, status=status, problems=found)


def too_many_sign_ins(request: HttpRequest, reached: LimitReached) -> HttpResponse:
    found = [Problem("username", errors.limit_text(reached))]
    return errors.with_retry_after(sign_in_form(request, status=429, problems=found), reached)


def sign_in_form(
    request: HttpRequest, *, status: int = 200, problems: Sequence[Problem] = ()
) -> HttpResponse:
    typed = {"username": posted_text(request, "username")}
    page = {"problems": problems, "typed": typed, "unsent": unsent.posted(request)}
    return sign_in_page(request, page, status=status)


@allow_methods("POST")
@private_page
def sign_out(request: HttpRequest) -> HttpResponse:
    if isinstance(request.user, User):
        if session := staff_session(request):
            end_session(session.person, pk=session.pk)
        actions.signed_out(request.user, client=client_of(request), now=timezone.now())
    logout(request)
    response = HttpResponseRedirect(f"{OVERSEE_PATH}/sign-in", status=303)
    response.headers["Clear-Site-Data"] = '"cache"'  # pages that answered a form lie in the browser's cache
    return response


@allow_methods("GET")
@permitted(Act.LIST_TRANSFERS)
def session(_: HttpRequest) -> HttpResponse:
    """204 while the cookie opens these pages: asked by a page that the browser shows from its memory."""
    return HttpResponse(status=204)

"""Sign-in to the administrator's pages, and sign-out."""

from collections.abc import Sequence
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from filsluss.actions import sign_in as actions
from filsluss.actions.limits import LimitReached
from filsluss.languages import LANGUAGES
from filsluss.pages import errors
from filsluss.pages.context import client_of, posted_text
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.error_messages import Problem, form_problems
from filsluss.pages.oversee import unsent
from filsluss.pages.oversee.access import permitted, roles_of, sign_in_page
from filsluss.pages.oversee.unsent import OVERSEE_PATH
from filsluss.rules.permissions import Act


@allow_methods("GET", "POST")
@private_page
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return sign_in_form(request)
    client, now = client_of(request), timezone.now()
    name, password = posted_text(request, "username")[:254], request.POST.get("password", "")
    try:
        actions.count_sign_in(client, name=name, now=now)
    except LimitReached as reached:
        return too_many_sign_ins(request, reached)
    user = authenticate(request, username=name, password=password.replace("\0", ""))
    if not isinstance(user, User) or not roles_of(user):
        actions.sign_in_failed(name, client=client, now=now)
        found = form_problems({"username": "sign_in_wrong"}, order=("username",), typed={})
        return sign_in_form(request, status=422, problems=found)
    login(request, user)
    actions.signed_in(user, client=client, now=now)
    if typed := unsent.posted(request):
        unsent.keep(request, typed)
        return HttpResponseRedirect(in_same_language(request, typed.case_page), status=303)
    return HttpResponseRedirect(in_same_language(request, redirect_target(request)), status=303)


def redirect_target(request: HttpRequest) -> str:
    """The page that `next` names, with its query, if it is the list, the security log or a transfer's."""
    asked = urlsplit(request.GET.get("next", ""))
    known = asked.path in (OVERSEE_PATH, f"{OVERSEE_PATH}/", f"{OVERSEE_PATH}/security")
    known = known or asked.path.startswith(f"{OVERSEE_PATH}/transfers/")
    is_ours = known and asked.path.isascii() and asked.path.isprintable() and "\\" not in asked.path
    if asked.scheme or asked.netloc or not is_ours:
        return OVERSEE_PATH
    query = urlencode(parse_qsl(asked.query, max_num_fields=20)) if asked.query.count("&") < 20 else ""
    return f"{quote(asked.path, safe='/-')}{'?' if query else ''}{query}"


def in_same_language(request: HttpRequest, address: str) -> str:
    """The address with the language of this page, if one was chosen and it names none."""
    language = request.GET.get("lang")
    if language not in LANGUAGES or "lang=" in address:
        return address
    return f"{address}{'&' if '?' in address else '?'}lang={language}"


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

"""Sign-in to the administrator's pages, and sign-out."""

from collections.abc import Sequence
from urllib.parse import quote

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from filsluss.actions import sign_in as actions
from filsluss.pages import errors
from filsluss.pages.context import client_of, posted_text
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.error_messages import Problem, form_problems
from filsluss.pages.oversee.access import OVERSEE_PATH


@allow_methods("GET", "POST")
@private_page
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return sign_in_form(request)
    client, now = client_of(request), timezone.now()
    name, password = posted_text(request, "username")[:254], request.POST.get("password", "")
    try:
        actions.count_sign_in(client, name=name, now=now)
    except actions.TooManySignIns as limit:
        return too_many_sign_ins(request, limit.retry_after)
    user = authenticate(request, username=name, password=password.replace("\0", ""))
    if not isinstance(user, User) or not (user.is_staff or user.is_superuser):
        actions.sign_in_failed(name, client=client, now=now)
        found = form_problems({"username": "sign_in_wrong"}, order=("username",), typed={})
        return sign_in_form(request, status=422, problems=found)
    login(request, user)
    actions.signed_in(user, client=client, now=now)
    return HttpResponseRedirect(redirect_target(request), status=303)


def redirect_target(request: HttpRequest) -> str:
    """The page that `next` names, if it is the security log or one of a transfer; else the list."""
    path = request.GET.get("next", "")
    if path == f"{OVERSEE_PATH}/security":
        return path
    is_ours = path.startswith(f"{OVERSEE_PATH}/transfers/") and path.isascii() and path.isprintable()
    return quote(path, safe="/-") if is_ours else OVERSEE_PATH


def too_many_sign_ins(request: HttpRequest, seconds: int) -> HttpResponse:
    found = [Problem("username", f"{_('Too many attempts')}. {errors.wait_text(seconds)}")]
    return errors.with_retry_after(sign_in_form(request, status=429, problems=found), seconds)


def sign_in_form(
    request: HttpRequest, *, status: int = 200, problems: Sequence[Problem] = ()
) -> HttpResponse:
    page = {"problems": problems, "typed": {"username": posted_text(request, "username")}}
    return render(request, "pages/oversee/sign_in.html", page, status=status)


@allow_methods("POST")
@private_page
def sign_out(request: HttpRequest) -> HttpResponse:
    if isinstance(request.user, User):
        actions.signed_out(request.user, client=client_of(request), now=timezone.now())
    logout(request)
    return HttpResponseRedirect(f"{OVERSEE_PATH}/sign-in", status=303)

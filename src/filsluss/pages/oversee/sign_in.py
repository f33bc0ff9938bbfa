"""Sign-in to the administrator's pages, and sign-out."""

from collections.abc import Sequence
from urllib.parse import quote

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from filsluss.actions import oversee
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
    try:
        oversee.count_sign_in(client_of(request), now=timezone.now())
    except oversee.TooManySignIns as limit:
        return too_many_sign_ins(request, limit.retry_after)
    name, password = posted_text(request, "username"), request.POST.get("password", "")
    user = authenticate(request, username=name, password=password.replace("\0", ""))
    if user is None or not (user.is_staff or user.is_superuser):
        found = form_problems({"username": "sign_in_wrong"}, order=("username",), typed={})
        return sign_in_form(request, status=422, problems=found)
    oversee.forget_failed_sign_ins(client_of(request))
    login(request, user)
    return HttpResponseRedirect(redirect_target(request), status=303)


def redirect_target(request: HttpRequest) -> str:
    """The page that `next` names, if it is one of a transfer under /oversee; else the list."""
    path = request.GET.get("next", "")
    is_ours = path.startswith(f"{OVERSEE_PATH}/transfers/") and path.isascii() and path.isprintable()
    return quote(path, safe="/-") if is_ours else OVERSEE_PATH


def too_many_sign_ins(request: HttpRequest, seconds: int) -> HttpResponse:
    found = [Problem("username", f"{_('Too many attempts')}. {errors.wait_text(seconds)}")]
    response = sign_in_form(request, status=429, problems=found)
    response.headers["Retry-After"] = str(seconds)
    return response


def sign_in_form(
    request: HttpRequest, *, status: int = 200, problems: Sequence[Problem] = ()
) -> HttpResponse:
    page = {"problems": problems, "typed": {"username": posted_text(request, "username")}}
    return render(request, "pages/oversee/sign_in.html", page, status=status)


@allow_methods("POST")
@private_page
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponseRedirect(f"{OVERSEE_PATH}/sign-in", status=303)

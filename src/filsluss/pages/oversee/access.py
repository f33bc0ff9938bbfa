"""Access control of the administrator's pages."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from filsluss.actions.persons import roles_granted
from filsluss.actions.staff_sessions import is_fresh
from filsluss.languages import LANGUAGES
from filsluss.pages.decorators import private_page
from filsluss.pages.oversee import unsent
from filsluss.pages.oversee.unsent import OVERSEE_PATH
from filsluss.pages.staff import refusals
from filsluss.pages.staff.access import staff_session
from filsluss.rules.permissions import BY_NAME_ONLY, FRESH, SCOPED, Act, StaffRole, may

View = Callable[..., HttpResponseBase]


def permitted(act: Act) -> Callable[[View], View]:
    """Asks the table of permissions whether who is signed in may do this; the view has the act as `act`.

    Anybody without a role is led to the sign-in, which leads back to the page; with a reason, it is shown at
    once. Who has a role that may not gets 403.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            roles = roles_of(request.user)
            if may(roles, act):
                return stale_proof(request, act) or view(request, *args, **kwargs)
            if roles:
                raise PermissionDenied
            if typed := unsent.posted(request):
                return sign_in_page(request, {"unsent": typed}, status=403)
            return HttpResponseRedirect(sign_in_address(request), status=303)

        checked.act = act  # type: ignore[attr-defined]
        return private_page(checked)

    return decorate


def roles_of(user: AbstractBaseUser | AnonymousUser) -> frozenset[StaffRole]:
    """The roles of who is signed in: by Django's marks of staff, and those that are granted for all domains.

    None for a visitor. Roles that see less than a whole case open nothing yet.
    """
    is_staff = getattr(user, "is_staff", False) or getattr(user, "is_superuser", False)
    marked = {StaffRole.ADMINISTRATOR} if is_staff else set()
    granted = roles_granted(user.pk, now=timezone.now()) if user.pk else set()
    return frozenset(marked | (granted - SCOPED - BY_NAME_ONLY))


def stale_proof(request: HttpRequest, act: Act) -> HttpResponse | None:
    """For what cannot be undone: the way to a fresh sign-in (403), after which what was typed is there again.

    None where the proof is fresh enough, and for a local account, whose password has just been given.
    """
    session = staff_session(request)
    if act not in FRESH or session is None or is_fresh(session, policy=settings.POLICY, now=timezone.now()):
        return None
    back = OVERSEE_PATH
    if typed := unsent.posted(request):
        unsent.keep(request, typed)
        back = typed.case_page
    return refusals.stale(request, back)


def sign_in_address(request: HttpRequest) -> str:
    """The sign-in page that leads back to where the request was for, in the same language."""
    back = request.get_full_path() if request.method in ("GET", "HEAD") else OVERSEE_PATH
    language = request.GET.get("lang")
    chosen = {"lang": language} if language in LANGUAGES else {}
    return f"{OVERSEE_PATH}/sign-in?{urlencode({'next': back, **chosen}, safe='/')}"


def sign_in_page(request: HttpRequest, page: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """The sign-in form; it keeps a reason that was typed before (`unsent`)."""
    return render(request, "pages/oversee/sign_in.html", page, status=status)

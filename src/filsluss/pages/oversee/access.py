"""Access control of the administrator's pages: one decorator asks the table of permissions."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from filsluss.actions.persons import standing_of
from filsluss.actions.staff_sessions import is_fresh
from filsluss.languages import LANGUAGES
from filsluss.pages.decorators import private_page
from filsluss.pages.oversee import unsent
from filsluss.pages.oversee.unsent import OVERSEE_PATH
from filsluss.pages.staff import refusals
from filsluss.pages.staff.access import staff_session
from filsluss.rules.paths import FACTORS, PROVE
from filsluss.rules.permissions import FRESH, Act, Standing
from filsluss.rules.sign_in import How

View = Callable[..., HttpResponseBase]
NOBODY = Standing()


def permitted(act: Act) -> Callable[[View], View]:
    """Asks the table of permissions whether who is signed in may do this; the view has the act as `act`.

    Anybody without a role is led to the sign-in, which leads back to the page; with a reason, it is shown at
    once. Who has a role that may not gets 403, and who has not chosen a second factor the page for that.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            session = staff_session(request)
            if session and session.how == How.LINK:
                return HttpResponseRedirect(FACTORS, status=303)
            standing = standing_in(request)
            if standing.may(act):
                return stale_proof(request, act) or view(request, *args, **kwargs)
            if standing.roles:
                raise PermissionDenied
            if typed := unsent.posted(request):
                return sign_in_page(request, {"unsent": typed}, status=403)
            return HttpResponseRedirect(sign_in_address(request), status=303)

        checked.act = act  # type: ignore[attr-defined]
        return private_page(checked)

    return decorate


def standing_in(request: HttpRequest) -> Standing:
    """What whoever sent this request may do; nothing without a session, which is read once."""
    known: Standing | None = getattr(request, "standing", None)
    if known is None:
        session = staff_session(request)
        known = standing_of(session.person, now=timezone.now()) if session else NOBODY
        request.standing = known  # type: ignore[attr-defined]
    return known


def flags(request: HttpRequest) -> dict[str, bool]:
    """For templates: which acts are open to the reader, by their names."""
    standing = standing_in(request)
    return {act.name.lower(): standing.may(act) for act in Act}


def stale_proof(request: HttpRequest, act: Act) -> HttpResponse | None:
    """For what cannot be undone: the way to a fresh proof, after which what was typed is there again.

    None where the proof is fresh enough. A local account proves it by a factor, others by a sign-in.
    """
    session = staff_session(request)
    if act not in FRESH or session is None or is_fresh(session, policy=settings.POLICY, now=timezone.now()):
        return None
    back = request.path
    if typed := unsent.posted(request):
        unsent.keep(request, typed)
        back = typed.page
    if session.person.is_local:
        return HttpResponseRedirect(f"{PROVE}?{urlencode({'next': back}, safe='/')}", status=303)
    return refusals.stale(request, back)


def sign_in_address(request: HttpRequest) -> str:
    """The sign-in page that leads back to where the request was for, in the same language."""
    back = request.get_full_path() if request.method in ("GET", "HEAD") else OVERSEE_PATH
    language = request.GET.get("lang")
    chosen = {"lang": language} if language in LANGUAGES else {}
    return f"{OVERSEE_PATH}/sign-in?{urlencode({'next': back, **chosen}, safe='/')}"


def sign_in_page(request: HttpRequest, page: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """The sign-in form; it keeps a reason that was typed before (`unsent`)."""
    own = {"local_sign_in": settings.POLICY.local_sign_in.value}
    return render(request, "pages/oversee/sign_in.html", {**own, **page}, status=status)

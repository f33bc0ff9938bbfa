"""Who is signed in, pages that want it, and forms that were sent by somebody who no longer was."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from filsluss.actions.staff_sessions import is_admitted, session_of
from filsluss.languages import LANGUAGES
from filsluss.models import StaffSession
from filsluss.pages.context import printable
from filsluss.pages.decorators import private_page
from filsluss.rules.paths import STAFF, STAFF_SIGN_IN
from filsluss.rules.sign_in import SignIn

View = Callable[..., HttpResponseBase]
KEPT_FORMS = (STAFF.path("apply"), STAFF.path("decide", ""))
MOST_KEPT, LONGEST_KEPT = 30, 2000


def find_session(request: HttpRequest) -> None:
    """Puts the session of this request's cookie on it; a cookie whose session is over is one no more."""
    user = request.user
    found = None
    if user.is_authenticated:
        key = request.session.session_key or ""
        found = session_of(key, policy=settings.POLICY, now=timezone.now())
        provider = settings.IDENTITY_PROVIDER
        issuer = provider.issuer if provider else ""
        if found and not is_admitted(found.person, policy=settings.POLICY, issuer=issuer):
            found = None
        if found is None:
            logout(request)
    request.staff_session = found  # type: ignore[attr-defined]


def staff_session(request: HttpRequest) -> StaffSession | None:
    """The session of whoever sent this request; None for a visitor."""
    found: StaffSession | None = getattr(request, "staff_session", None)
    return found


def provider_session(request: HttpRequest) -> StaffSession | None:
    """The same of somebody of the sign-in provider's: an account of this service has no mailbox."""
    found = staff_session(request)
    return found if found and not found.person.is_local else None


def sign_in_address(back: str, *, request: HttpRequest, is_fresh: bool = False) -> str:
    """Where somebody signs in who then comes to the page `back`."""
    language = request.GET.get("lang")
    chosen = {"lang": language} if language in LANGUAGES else {}
    fresh = {"fresh": "1"} if is_fresh else {}
    return f"{STAFF_SIGN_IN}?{urlencode({'next': back, **fresh, **chosen}, safe='/')}"


def signed_in(view: View) -> View:
    """The view has the session as its argument `session`. Others sign in first; what they typed is kept."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if settings.POLICY.sign_in is SignIn.OFF:
            raise Http404
        session = provider_session(request)
        if session is not None:
            return view(request, *args, session=session, **kwargs)
        if keeps_form(request):
            return kept_form(request)
        back = request.get_full_path() if request.method in ("GET", "HEAD") else STAFF.path()
        return HttpResponseRedirect(sign_in_address(back, request=request), status=303)

    return private_page(checked)


def keeps_form(request: HttpRequest) -> bool:
    return request.method == "POST" and request.path_info.startswith(KEPT_FORMS)


def kept_form(request: HttpRequest) -> HttpResponse:
    """403: nothing was done with the form; it can be shown again as it was typed, after a sign-in."""
    typed = [
        (name, printable(str(text)[:LONGEST_KEPT]))
        for name, text in list(request.POST.items())[:MOST_KEPT]
        if name not in ("csrfmiddlewaretoken", "only_language")
    ]
    page = {
        "typed": typed,
        "action": request.get_full_path(),
        "is_signed_in": provider_session(request) is not None,
        "sign_in": sign_in_address(STAFF.path("signed-in"), request=request),
    }
    return render(request, "pages/staff/kept_form.html", page, status=403)

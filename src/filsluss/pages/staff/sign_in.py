"""Sign-in with the provider, the way back from it, sign-out here, and sign-out that the provider tells of."""

from django.conf import settings
from django.contrib.auth import login, logout
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.views.decorators.csrf import csrf_exempt

from filsluss.actions import provider_sign_in as actions
from filsluss.actions import staff_sessions
from filsluss.actions.limits import LimitReached
from filsluss.identity.failures import ProviderAway, TokenRefused
from filsluss.installation import current_services
from filsluss.models import StaffSession
from filsluss.pages.context import client_of
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.staff import refusals
from filsluss.pages.staff.access import provider_session, signed_in, staff_session
from filsluss.rules.identity import IdentityRefused
from filsluss.rules.paths import STAFF
from filsluss.rules.sign_in import STATE, Flow, How, SignIn, cookie_of, flow_in, mailboxes_of, page_after

BACKEND = "django.contrib.auth.backends.ModelBackend"
MOST_FLOWS = 4
"""Sign-ins under way in one browser: every cookie goes along with every request."""


@allow_methods("GET")
@private_page
def sign_in(request: HttpRequest) -> HttpResponse:
    """To the provider; who is signed in already goes where they wanted, unless the proof must be fresh."""
    _require_sign_in()
    is_fresh, now = request.GET.get("fresh") == "1", timezone.now()
    wanted = page_after(request.GET.get("next", ""), default=STAFF.path())
    if provider_session(request) and not is_fresh:
        return HttpResponseRedirect(wanted, status=303)
    flow = Flow.begin(wanted, is_fresh=is_fresh, now=now)
    language, client = translation.get_language(), client_of(request)
    try:
        there = actions.begin(flow, language=language, client=client, services=current_services(), now=now)
    except LimitReached as reached:
        return refusals.too_many(request, reached)
    except ProviderAway:
        return refusals.provider_away(request)
    response = HttpResponseRedirect(there)
    _forget_flows(request, response, keep=MOST_FLOWS - 1)
    response.set_cookie(
        _prefixed(flow.cookie),
        flow.sealed(settings.ENCRYPTION_KEYS["sign-in"]),
        max_age=600,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


@allow_methods("GET")
@private_page
def come_back(request: HttpRequest) -> HttpResponse:
    """From the provider, with a code or with a refusal."""
    _require_sign_in()
    state, now = request.GET.get("state", ""), timezone.now()
    flow = None
    if STATE.fullmatch(state):
        sealed = request.COOKIES.get(_prefixed(cookie_of(state)), "")
        flow = flow_in(sealed, state=state, keys=settings.ENCRYPTION_KEYS["sign-in"], now=now)
    if flow is None:
        return refusals.unknown_flow(request)
    response = _answered(request, flow)
    response.delete_cookie(_prefixed(flow.cookie), samesite="Lax")
    return response


def _answered(request: HttpRequest, flow: Flow) -> HttpResponse:
    code, error, now = request.GET.get("code", ""), request.GET.get("error", ""), timezone.now()
    if error or not code:
        away = error in actions.AWAY
        return refusals.provider_away(request) if away else refusals.ended_there(request, flow)
    try:
        found = actions.complete(
            code, issuer=request.GET.get("iss"), flow=flow, services=current_services(), now=now
        )
    except ProviderAway:
        return refusals.provider_away(request)
    except TokenRefused as refused:
        return refusals.refused(request, refused.code, flow)
    except IdentityRefused as refused:
        return refusals.refused(request, refused.code, flow)
    _open_session(request, found)
    return HttpResponseRedirect(flow.next, status=303)


def _open_session(request: HttpRequest, found: actions.SignedIn) -> None:
    """A session of its own for this sign-in; the one that this browser had ends."""
    if before := staff_session(request):
        staff_sessions.end_session(before.person, pk=before.pk)
    login(request, found.person.user, backend=BACKEND)
    request.session.cycle_key()  # Django keeps that of somebody who signs in again
    staff_sessions.begin_session(
        found.person,
        key=request.session.session_key or "",
        how=How.PROVIDER,
        sid=found.identity.sid,
        proved_at=found.identity.proved_at,
        mailboxes=mailboxes_of(found.identity.groups, settings.POLICY.shared_mailboxes),
        now=timezone.now(),
    )


@allow_methods("POST")
@signed_in
def sign_out(request: HttpRequest, session: StaffSession) -> HttpResponse:
    """Here only: a redirect to the provider would meet our own policy, so that the page has a link to it."""
    actions.sign_out(session.person, session=session.pk, now=timezone.now())
    logout(request)
    provider = current_services().provider
    page = {"there": provider.end_of_session() if provider else ""}
    response = render(request, "pages/staff/signed_out.html", page)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@allow_methods("POST")
@signed_in
def end_session(request: HttpRequest, session: StaffSession) -> HttpResponse:
    """Ends another session of the same person."""
    chosen = request.POST.get("session", "")
    if chosen.isdecimal() and len(chosen) < 19:
        staff_sessions.end_session(session.person, pk=int(chosen))
    return HttpResponseRedirect(f"{STAFF.path()}?done=ended#sessions", status=303)


@csrf_exempt
@allow_methods("POST")
@private_page
def back_channel_logout(request: HttpRequest) -> HttpResponse:
    """A logout token of the provider (OpenID Connect Back-Channel Logout 1.0, 2.5 to 2.8)."""
    _require_sign_in()
    try:
        actions.signed_out_there(
            request.POST.get("logout_token", ""), services=current_services(), now=timezone.now()
        )
    except (TokenRefused, ProviderAway) as refused:
        described = {"error": "invalid_request", "error_description": type(refused).__name__}
        return JsonResponse(described, status=400)
    return HttpResponse(status=200)


@allow_methods("GET")
@signed_in
def done(request: HttpRequest, session: StaffSession) -> HttpResponse:
    """After a sign-in in a second window: the form waits in the first."""
    return render(request, "pages/staff/signed_in.html", {"person": session.person})


def _require_sign_in() -> None:
    if settings.POLICY.sign_in is SignIn.OFF:
        raise Http404


def _prefixed(name: str) -> str:
    """Browsers tie a __Host- cookie to this host; over http, on loopback, there is none."""
    return f"__Host-{name}" if settings.SESSION_COOKIE_SECURE else name


def _forget_flows(request: HttpRequest, response: HttpResponse, *, keep: int) -> None:
    """Drops all but the newest sign-ins under way in this browser, which sends the oldest cookie first."""
    known = [name for name in request.COOKIES if name.startswith(_prefixed("flow-"))]
    for name in known[: max(0, len(known) - keep)]:
        response.delete_cookie(name, samesite="Lax")

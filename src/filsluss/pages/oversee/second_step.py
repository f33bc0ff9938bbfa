"""The second step of a local sign-in, and the fresh proof of who is signed in: a code, or a passkey."""

import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from django.conf import settings
from django.contrib.auth import login, logout
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from fido2.server import Fido2Server

from filsluss.actions import passkeys, second_factors, staff_sessions
from filsluss.actions import sign_in as actions
from filsluss.actions.limits import LimitReached
from filsluss.installation import current_services
from filsluss.languages import LANGUAGES
from filsluss.models import Passkey, Person, StaffSession
from filsluss.pages import errors
from filsluss.pages.context import client_of, posted_text
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.error_messages import Problem, form_problems
from filsluss.pages.oversee import unsent
from filsluss.pages.oversee.unsent import OVERSEE_PATH
from filsluss.pages.staff.access import staff_session
from filsluss.rules.paths import FACTORS, SIGN_IN
from filsluss.rules.sign_in import How, LocalSignIn

log = logging.getLogger(__name__)

BACKEND = "django.contrib.auth.backends.ModelBackend"
EXPECTED, CHALLENGE = "second-step", "passkey"
"""Keys of the session: whose second step is due since when; the state of a passkey's challenge."""
PARTS = ("transfers/", "files/", "persons", "blocked")
"""What the addresses below /oversee begin with that a sign-in leads back to."""
EXPECTED_FOR = timedelta(minutes=10)


def expect_second_step(request: HttpRequest, person: Person, *, now: datetime) -> None:
    """The password was right; the session knows so, and opens nothing. One that was open ends."""
    if before := staff_session(request):
        staff_sessions.end_session(before.person, pk=before.pk)
        logout(request)
    request.session.cycle_key()
    request.session[EXPECTED] = [person.pk, int(now.timestamp())]


def expected(request: HttpRequest, *, now: datetime) -> Person | None:
    """Who gave their password in this browser within ten minutes."""
    pk, since = request.session.get(EXPECTED) or (0, 0)
    if now.timestamp() - since > EXPECTED_FOR.total_seconds():
        return None
    return Person.objects.select_related("user").filter(pk=pk, shut_at=None, user__is_active=True).first()


@allow_methods("GET", "POST")
@private_page
def code(request: HttpRequest) -> HttpResponse:
    """After the password."""
    now = timezone.now()
    if settings.POLICY.local_sign_in is LocalSignIn.NO:
        raise PermissionDenied
    person = expected(request, now=now)
    if person is None:
        query = request.GET.urlencode()
        return HttpResponseRedirect(f"{SIGN_IN}{'?' if query else ''}{query}", status=303)

    def finish(how: How) -> HttpResponse:
        request.session.pop(EXPECTED, None)
        actions.signed_in(person.user, client=client_of(request), now=now)
        actions.note_local(person, services=current_services(), now=now)
        open_session(request, person, how=how, now=now)
        return HttpResponseRedirect(page_after(request), status=303)

    return second_step(request, person, finish=finish)


@allow_methods("GET", "POST")
@private_page
def prove(request: HttpRequest) -> HttpResponse:
    """Somebody with a local account, who is signed in, proves it anew for what cannot be undone."""
    session, now = staff_session(request), timezone.now()
    if session is None or not session.person.is_local:
        return HttpResponseRedirect(SIGN_IN, status=303)
    if session.how == How.LINK:
        raise PermissionDenied

    def finish(how: How) -> HttpResponse:
        staff_sessions.prove_again(session, how=how, now=now)
        return HttpResponseRedirect(page_after(request), status=303)

    return second_step(request, session.person, finish=finish, session=session)


def open_session(request: HttpRequest, person: Person, *, how: How, now: datetime) -> None:
    """A session of its own for this sign-in; the one that this browser had ends."""
    if before := staff_session(request):
        staff_sessions.end_session(before.person, pk=before.pk)
    kept = request.session.get(unsent.KEY)
    login(request, person.user, backend=BACKEND)
    request.session.cycle_key()
    if kept:
        request.session[unsent.KEY] = kept
    key = request.session.session_key or ""
    staff_sessions.begin_session(person, key=key, how=how, proved_at=now, now=now)


def second_step(
    request: HttpRequest,
    person: Person,
    *,
    finish: Callable[[How], HttpResponse],
    session: StaffSession | None = None,
) -> HttpResponse:
    """The form, and what follows a right factor (`finish`); 422 for a wrong one, 429 for too many."""
    if request.method != "POST":
        return step_page(request, person, session=session)
    now = timezone.now()
    try:
        how = given_factor(request, person, now=now)
    except LimitReached as reached:
        problems = [Problem("code", errors.limit_text(reached))]
        page = step_page(request, person, session=session, status=429, problems=problems)
        return errors.with_retry_after(page, reached)
    if how:
        return finish(how)
    actions.sign_in_failed(person.user.get_username(), client=client_of(request), now=now)
    of_passkey = bool(request.POST.get("credential"))
    found = {"code": "passkey_wrong" if of_passkey else "factor_wrong"}
    problems = form_problems(found, order=("code",), typed={})
    return step_page(request, person, session=session, status=422, problems=problems)


def given_factor(request: HttpRequest, person: Person, *, now: datetime) -> How | None:
    """Which factor was sent, if it is right. Raises LimitReached."""
    credential, state = request.POST.get("credential", ""), request.session.pop(CHALLENGE, None)
    if not credential:
        return second_factors.take_code(person, typed=posted_text(request, "code")[:40], now=now)
    try:
        answer = json.loads(credential)
        server = passkey_server()
        passkeys.take_assertion(person, answer=answer, state=state or {}, server=server, now=now)
    except (ValueError, passkeys.PasskeyRefused) as refused:
        log.warning("a passkey was refused: %s", refused)
        return None
    return How.PASSKEY


def passkey_server() -> Fido2Server:
    return passkeys.server_for(settings.POLICY.base_url, name=settings.POLICY.organisation)


def step_page(
    request: HttpRequest,
    person: Person,
    *,
    session: StaffSession | None,
    status: int = 200,
    problems: Sequence[Problem] = (),
) -> HttpResponse:
    options: dict[str, object] = {}
    if Passkey.objects.filter(person=person).exists():
        options, request.session[CHALLENGE] = passkeys.begin_assertion(person, server=passkey_server())
    page = {
        "problems": problems,
        "is_proof": session is not None,
        "is_kept": bool(unsent.page_kept(request)),
        "options": options,
    }
    return render(request, "pages/oversee/second_step.html", page, status=status)


def page_after(request: HttpRequest) -> str:
    """Where the sign-in leads: to what was typed in vain, else to what `next` names; in the same language."""
    return in_same_language(request, unsent.page_kept(request) or redirect_target(request))


def redirect_target(request: HttpRequest) -> str:
    """The page that `next` names, with its query, if it is one of ours that can be asked for."""
    try:
        asked = urlsplit(request.GET.get("next", ""))
    except ValueError:  # as of a host in brackets
        return OVERSEE_PATH
    known = asked.path in (OVERSEE_PATH, f"{OVERSEE_PATH}/", f"{OVERSEE_PATH}/security", FACTORS)
    known = known or asked.path.startswith(tuple(f"{OVERSEE_PATH}/{part}" for part in PARTS))
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

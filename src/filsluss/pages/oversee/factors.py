"""The second factors of a local account, and the one-time link by which it gets a password."""

import json
import logging
from collections.abc import Sequence
from typing import Any

import segno
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from filsluss.actions import local_accounts, passkeys, second_factors, sign_in, staff_sessions
from filsluss.installation import current_services
from filsluss.models import StaffSession
from filsluss.pages import errors, presenters
from filsluss.pages.context import client_of, posted_text
from filsluss.pages.decorators import allow_methods, private_page
from filsluss.pages.error_messages import Problem, form_problems
from filsluss.pages.oversee.access import sign_in_address
from filsluss.pages.oversee.second_step import CHALLENGE, in_same_language, open_session, passkey_server
from filsluss.pages.staff.access import staff_session
from filsluss.rules.paths import FACTORS, PROVE
from filsluss.rules.sign_in import How, LocalSignIn

log = logging.getLogger(__name__)


@allow_methods("GET", "POST")
@private_page
def follow_link(request: HttpRequest, token: str) -> HttpResponse:
    """The password that is chosen by a one-time link; then the second factor."""
    now = timezone.now()
    if settings.POLICY.local_sign_in is LocalSignIn.NO:
        raise PermissionDenied
    person = local_accounts.person_behind(token, now=now)
    if person is None:
        return errors.gone(request)
    page: dict[str, Any] = {"name": person.user.get_username(), "problems": ()}
    if request.method != "POST":
        return render(request, "pages/oversee/password.html", page)
    password = request.POST.get("password", "")
    if problem := password_problem(password, person.user):
        page["problems"] = form_problems({"password": problem}, order=("password",), typed={})
        return render(request, "pages/oversee/password.html", page, status=422)
    if local_accounts.follow(token, password=password, now=now) is None:
        return errors.gone(request)
    person.user.refresh_from_db()
    open_session(request, person, how=How.LINK, now=now)
    return HttpResponseRedirect(in_same_language(request, FACTORS), status=303)


def password_problem(password: str, user: Any) -> str:
    """What is wrong with a new password (ASVS 6.2.1, 6.2.4); empty if nothing is."""
    try:
        validate_password(password.replace("\0", ""), user)
    except ValidationError as refused:
        short = any(each.code == "password_too_short" for each in refused.error_list)
        return "password_short" if short else "password_common"
    return "password_long" if len(password) > 200 or "\0" in password else ""


@allow_methods("GET", "POST")
@private_page
def factors(request: HttpRequest) -> HttpResponse:
    """Only for who is signed in with a local account; a change needs a fresh proof, or the link."""
    session, now = staff_session(request), timezone.now()
    if session is None:
        return HttpResponseRedirect(sign_in_address(request), status=303)
    if not session.person.is_local:
        raise PermissionDenied
    if not staff_sessions.is_fresh(session, policy=settings.POLICY, now=now):
        if session.how == How.LINK:
            raise PermissionDenied
        return HttpResponseRedirect(f"{PROVE}?next={FACTORS}", status=303)
    return change(request, session) if request.method == "POST" else factors_page(request, session)


def change(request: HttpRequest, session: StaffSession) -> HttpResponse:
    act = request.POST.get("act", "")
    if act == "app":
        return confirm_app(request, session)
    if act == "passkey":
        return add_passkey(request, session)
    if act == "codes":
        codes = second_factors.new_recovery_codes(session.person, now=timezone.now())
        return factors_page(request, session, codes=codes)
    second_factors.remove_factor(session.person, chosen=request.POST.get("remove", ""))
    return HttpResponseRedirect(in_same_language(request, FACTORS), status=303)


def confirm_app(request: HttpRequest, session: StaffSession) -> HttpResponse:
    """The first code of an app puts it in force."""
    now = timezone.now()
    if not second_factors.take_app_code(
        session.person, typed=posted_text(request, "code")[:40], proving=True, now=now
    ):
        problems = form_problems({"code": "factor_wrong"}, order=("code",), typed={})
        return factors_page(request, session, status=422, problems=problems)
    return enrolled(request, session, How.TOTP)


def add_passkey(request: HttpRequest, session: StaffSession) -> HttpResponse:
    state, now = request.session.pop(CHALLENGE, None) or {}, timezone.now()
    name = posted_text(request, "passkey-name").strip() or f"{now:%Y-%m-%d}"
    try:
        answer = json.loads(request.POST.get("credential", ""))
        passkeys.register(
            session.person, answer=answer, state=state, server=passkey_server(), name=name, now=now
        )
    except (ValueError, passkeys.PasskeyRefused) as refused:
        log.warning("a passkey was not registered: %s", refused)
        problems = form_problems({"passkey-name": "passkey_wrong"}, order=(), typed={})
        return factors_page(request, session, status=422, problems=problems)
    return enrolled(request, session, How.PASSKEY)


def enrolled(request: HttpRequest, session: StaffSession, how: How) -> HttpResponse:
    """With the first factor the session opens all pages, which is a sign-in; recovery codes are shown."""
    now, person = timezone.now(), session.person
    if session.how == How.LINK:
        sign_in.signed_in(person.user, client=client_of(request), now=now)
        sign_in.note_local(person, services=current_services(), now=now)
    staff_sessions.prove_again(session, how=how, now=now)
    session.how = how
    if person.recovery_codes.exists():
        return HttpResponseRedirect(in_same_language(request, FACTORS), status=303)
    return factors_page(request, session, codes=second_factors.new_recovery_codes(person, now=now))


def factors_page(
    request: HttpRequest,
    session: StaffSession,
    *,
    status: int = 200,
    problems: Sequence[Problem] = (),
    codes: Sequence[str] = (),
) -> HttpResponse:
    person, now = session.person, timezone.now()
    totp = second_factors.app_of(person, now=now)
    name, policy = person.user.get_username(), settings.POLICY
    there = second_factors.address_of_app(totp, name=name, issuer=policy.organisation)
    page: dict[str, Any] = {
        "problems": problems,
        "codes": [f"{code[:4]}-{code[4:8]}-{code[8:]}" for code in codes],
        "has_app": totp.proved_at is not None,
        "secret": " ".join(totp.secret[i : i + 4] for i in range(0, len(totp.secret), 4)),
        "qr": segno.make(there).svg_data_uri(scale=5, border=4, light="#fff"),
        "passkeys": [(row, presenters.moment(row.made_at)) for row in person.passkeys.order_by("pk")],
        "codes_left": person.recovery_codes.filter(used_at=None).count(),
        "is_new": session.how == How.LINK,
        "options": {},
    }
    if passkeys.are_possible(policy.base_url):
        page["options"], request.session[CHALLENGE] = passkeys.begin_registration(
            person, server=passkey_server()
        )
    return render(request, "pages/oversee/factors.html", page, status=status)

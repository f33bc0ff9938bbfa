"""Accounts of the service itself: made by a command, enrolled by a link, signed in with a second factor."""

import re
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from urllib.parse import urlencode

import pyotp
import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client as Browser
from django.utils import timezone

from filsluss.actions.second_factors import new_recovery_codes
from filsluss.management.os_account import os_account
from filsluss.models import AuditEntry, Letter, Person, RecoveryCode, StaffSession, Totp
from filsluss.rules.networks import Client
from filsluss.rules.sign_in import LocalSignIn
from tests.pages.cases import open_transfer
from tests.parts.administrators import (
    NAME,
    PASSWORD,
    code_of,
    make_account,
    provider_person,
    secret_on,
    sign_in,
    through_the_pages,
)

pytestmark = pytest.mark.django_db
FACTORS = "/oversee/me/factors"


@pytest.fixture
def clock(now):
    with time_machine.travel(now, tick=False) as clock:
        yield clock


@pytest.fixture
def client_of_staff():
    return Browser(**{"filsluss.client": Client("192.0.2.7", may_be_inside=False)}, HTTP_ACCEPT_LANGUAGE="en")


def admin(*words):
    said = StringIO()
    call_command("admin", *words, stdout=said)
    return said.getvalue()


def link_in(said):
    return re.search(r"/staff/link/[\w-]{43}", said)[0]


def enrol(client_of_staff, link):
    """The page after the first code of the app."""
    assert client_of_staff.post(link, {"password": PASSWORD})["Location"] == FACTORS
    secret = secret_on(client_of_staff.get(FACTORS).content.decode())
    return client_of_staff.post(FACTORS, {"act": "app", "code": pyotp.TOTP(secret).now()})


def test_a_link_gives_a_password_and_a_factor_once(client_of_staff, clock):
    link = link_in(admin("add", NAME))
    assert client_of_staff.get(link).status_code == 200
    for wrong in ("", "short", "password1234", "x" * 201, "a" * 12 + "\0"):
        assert client_of_staff.post(link, {"password": wrong}).status_code == 422
    page = enrol(client_of_staff, link).content.decode()
    assert len(re.findall(r"<li><code>(?:\w{4}-){2}\w{4}</code>", page)) == 10
    assert client_of_staff.get("/oversee").status_code == 200
    for again in (Browser().get(link), Browser().post(link, {"password": PASSWORD})):
        assert again.status_code == 410
    assert "second factor" in admin("list")


def test_a_link_lasts_an_hour_and_a_newer_one_takes_its_place(client_of_staff, clock):
    first = link_in(admin("add", NAME))
    second = link_in(admin("unlock", NAME))
    assert (client_of_staff.get(first).status_code, client_of_staff.get(second).status_code) == (410, 200)
    clock.shift(timedelta(hours=1))
    assert client_of_staff.get(second).status_code == 410


def test_a_command_that_does_nothing_says_so():
    admin("add", NAME)
    for words in (("add", NAME), ("add", ""), ("add", "a:b"), ("unlock", "karin"), ("remove", "karin")):
        with pytest.raises(CommandError):
            admin(*words)
    admin("remove", NAME)
    assert (User.objects.count(), Person.objects.count()) == (0, 0)
    assert "there are none" in admin("list")


def test_what_a_command_does_with_an_account_stands_in_the_trail():
    for words in (("add", NAME), ("unlock", NAME), ("shut-out", NAME), ("let-in", NAME), ("remove", NAME)):
        admin(*words)
    by = os_account()
    entries = list(AuditEntry.objects.order_by("pk").values_list("step", "person", "reason"))
    whose = entries[1][2]
    assert entries == [
        ("role-given", by, f"administrator {whose}"),
        *((step, by, whose) for step in ("account-added", "account-unlocked", "person-shut-out")),
        ("person-let-in", by, whose),
        ("account-removed", by, f"{NAME} {whose}"),
    ]


def test_a_command_shuts_out_whoever_signs_in_elsewhere(client_of_staff):
    person = provider_person("Anna@ltdalarna.se")
    for name in ("karin", "user:0", "user:x", "bo@ltdalarna.se", person.user.username):
        with pytest.raises(CommandError, match="nobody is known as"):
            admin("shut-out", name)
    assert "signed out everywhere" in admin("shut-out", "ANNA+x@ltdalarna.se")
    with pytest.raises(CommandError, match="is shut out already"):
        admin("shut-out", person.trail_name)
    assert f"Anna@ltdalarna.se ({person.trail_name})" in admin("list")
    admin("let-in", person.trail_name)
    with pytest.raises(CommandError, match="is not shut out"):
        admin("let-in", person.trail_name)


def test_without_a_factor_only_the_page_for_one_opens(client_of_staff):
    client_of_staff.post(link_in(admin("add", NAME)), {"password": PASSWORD})
    for page in (
        "/oversee",
        "/oversee/security",
        "/oversee/persons",
        "/oversee/trail.csv",
        "/oversee/session",
    ):
        assert client_of_staff.get(page)["Location"] == FACTORS
    assert client_of_staff.get("/oversee/me/prove").status_code == 403
    assert client_of_staff.get(FACTORS).status_code == 200


def test_a_stolen_password_enrols_no_factor_of_its_own(client_of_staff):
    """An account of before the upgrade has a password, and nothing else."""
    User.objects.create_superuser(NAME, password=PASSWORD)
    answer = client_of_staff.post("/oversee/sign-in", {"username": NAME, "password": PASSWORD})
    assert (answer.status_code, "filsluss admin unlock" in answer.content.decode()) == (403, True)
    assert client_of_staff.get(FACTORS).status_code == 303
    assert "no second factor" in admin("list")
    enrol(client_of_staff, link_in(admin("unlock", NAME)))
    assert client_of_staff.get("/oversee").status_code == 200


def test_a_password_alone_opens_nothing(client_of_staff):
    make_account()
    answer = client_of_staff.post("/oversee/sign-in", {"username": NAME, "password": PASSWORD})
    assert answer["Location"].startswith("/oversee/sign-in/code")
    assert [client_of_staff.get(page).status_code for page in ("/oversee", FACTORS)] == [303, 303]


def test_a_code_opens_once_and_for_a_step_around_its_own(client_of_staff, clock):
    person = make_account()
    secret = Totp.objects.get().secret
    form = {"username": NAME, "password": PASSWORD}

    def opens(code):
        client_of_staff.logout()
        there = client_of_staff.post("/oversee/sign-in", form)["Location"]
        return client_of_staff.post(there, {"code": code}).status_code == 303

    code = pyotp.TOTP(secret).now()
    assert (opens(code), opens(code)) == (True, False)
    clock.shift(timedelta(seconds=30))
    assert opens(code) is False
    assert opens(pyotp.TOTP(secret).now()) is True
    early = pyotp.TOTP(secret).now()
    clock.shift(timedelta(seconds=61))
    assert opens(early) is False
    assert opens(code_of(person)[:3] + " " + code_of(person)[3:]) is True


def test_codes_cannot_be_guessed_by_who_knows_the_password(client_of_staff, clock):
    person = make_account()
    there = client_of_staff.post("/oversee/sign-in", {"username": NAME, "password": PASSWORD})["Location"]
    statuses = [client_of_staff.post(there, {"code": "000000"}).status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]
    assert client_of_staff.post(there, {"code": code_of(person)}).status_code == 429
    admin("unlock", NAME)
    assert client_of_staff.post(there, {"code": code_of(person)}).status_code == 303


def test_the_password_waits_ten_minutes_for_the_second_step(client_of_staff, clock):
    person = make_account()
    there = client_of_staff.post("/oversee/sign-in", {"username": NAME, "password": PASSWORD})["Location"]
    clock.shift(timedelta(minutes=10, seconds=1))
    assert client_of_staff.post(there, {"code": code_of(person)})["Location"].startswith("/oversee/sign-in")
    assert client_of_staff.get("/oversee").status_code == 303


def test_a_recovery_code_stands_for_a_factor_once_and_is_kept_as_an_hmac(client_of_staff, clock):
    person = make_account()
    codes = new_recovery_codes(person, now=timezone.now())
    there = client_of_staff.post("/oversee/sign-in", {"username": NAME, "password": PASSWORD})["Location"]
    assert client_of_staff.post(there, {"code": codes[0].lower()}).status_code == 303
    client_of_staff.logout()
    there = client_of_staff.post("/oversee/sign-in", {"username": NAME, "password": PASSWORD})["Location"]
    assert client_of_staff.post(there, {"code": codes[0]}).status_code == 422
    assert not set(codes) & set(RecoveryCode.objects.values_list("digest", flat=True))


def test_a_removed_account_has_no_session_left(client_of_staff):
    sign_in(client_of_staff)
    assert client_of_staff.get("/oversee").status_code == 200
    admin("remove", NAME)
    assert (client_of_staff.get("/oversee").status_code, StaffSession.objects.count()) == (303, 0)


def test_a_session_of_django_alone_opens_nothing(client_of_staff):
    client_of_staff.force_login(User.objects.create_superuser(NAME, password=PASSWORD))
    assert client_of_staff.get("/oversee").status_code == 303


def test_each_emergency_sign_in_is_mailed_and_stands_in_the_trail(client_of_staff, settings):
    emails = ("drift@ltdalarna.se",)
    settings.POLICY = replace(settings.POLICY, local_sign_in=LocalSignIn.BREAK_GLASS, admin_emails=emails)
    person = make_account()
    assert through_the_pages(client_of_staff).status_code == 303
    letter, entry = Letter.objects.get(kind="break-glass"), AuditEntry.objects.get(step="local-sign-in")
    assert (letter.to, NAME in letter.text) == (emails[0], True)
    assert (entry.person, entry.proof) == (person.trail_name, "sign-in")
    settings.POLICY = replace(settings.POLICY, local_sign_in=LocalSignIn.NO)
    refused = client_of_staff.post("/oversee/sign-in", {"username": NAME, "password": PASSWORD})
    assert (refused.status_code, b"password" in client_of_staff.get("/oversee/sign-in").content) == (
        403,
        False,
    )


def test_a_sign_in_by_a_link_is_an_emergency_too_and_where_there_are_none_it_opens_nothing(
    client_of_staff, settings
):
    emails = ("drift@ltdalarna.se",)
    settings.POLICY = replace(settings.POLICY, local_sign_in=LocalSignIn.BREAK_GLASS, admin_emails=emails)
    enrol(client_of_staff, link_in(admin("add", NAME)))
    assert client_of_staff.get("/oversee").status_code == 200
    letter, person = Letter.objects.get(kind="break-glass"), Person.objects.get()
    assert (letter.to, AuditEntry.objects.get(step="local-sign-in").person) == (emails[0], person.trail_name)
    again, waiting = link_in(admin("unlock", NAME)), Browser()
    waiting.post("/oversee/sign-in", {"username": NAME, "password": PASSWORD})
    settings.POLICY = replace(settings.POLICY, local_sign_in=LocalSignIn.NO)
    assert client_of_staff.get("/oversee").status_code == 303
    assert [client_of_staff.get(again).status_code, client_of_staff.post(again).status_code] == [403, 403]
    assert waiting.post("/oversee/sign-in/code", {"code": code_of(person)}).status_code == 403
    for words in (("unlock", NAME), ("add", "karin")):
        with pytest.raises(CommandError, match="LOCAL_SIGN_IN is no: set it to break-glass"):
            admin(*words)


@pytest.mark.parametrize(
    "there", ["//[", "//[x", "https://[evil", "/oversee\\@evil.example", "//evil.example"]
)
def test_a_page_to_go_on_to_that_is_none_leads_to_the_list(client_of_staff, there):
    person = make_account()
    client_of_staff.post("/oversee/sign-in", {"username": NAME, "password": PASSWORD})
    code = {"code": code_of(person)}
    answer = client_of_staff.post(f"/oversee/sign-in/code?{urlencode({'next': there})}", code)
    assert (answer.status_code, answer["Location"]) == (303, "/oversee")


def test_the_sign_in_leads_back_to_the_block_list(client_of_staff):
    person = make_account()
    there = client_of_staff.get("/oversee/blocked")["Location"]
    code = client_of_staff.post(there, {"username": NAME, "password": PASSWORD})["Location"]
    assert client_of_staff.post(code, {"code": code_of(person)})["Location"] == "/oversee/blocked"


def test_what_cannot_be_undone_wants_a_factor_of_just_now_and_keeps_what_was_typed(client_of_staff):
    sign_in(client_of_staff)
    case, person = open_transfer(), Person.objects.get()
    close = f"/oversee/transfers/{case.public_id}/close"
    StaffSession.objects.update(proved_at=StaffSession.objects.get().began_at - timedelta(minutes=11))
    asked = client_of_staff.post(close, {"reason": "Skickad av misstag"})
    assert (asked.status_code, asked["Location"].partition("?")[0]) == (303, "/oversee/me/prove")
    assert client_of_staff.get(FACTORS)["Location"] == f"/oversee/me/prove?next={FACTORS}"
    assert client_of_staff.post(asked["Location"], {"code": "000000"}).status_code == 422
    back = client_of_staff.post(asked["Location"], {"code": code_of(person)})["Location"]
    assert "Skickad av misstag" in client_of_staff.get(back).content.decode()
    assert client_of_staff.post(close, {"reason": "Skickad av misstag"}).status_code == 303


def test_the_last_factor_stays_and_new_codes_end_the_old(client_of_staff, clock):
    sign_in(client_of_staff)
    client_of_staff.post(FACTORS, {"act": "remove", "remove": "app"})
    assert Totp.objects.exists()
    for _ in range(2):
        client_of_staff.post(FACTORS, {"act": "codes"})
    assert RecoveryCode.objects.count() == 10

"""A change of the secret key: whoever signs in here does so before it, between, and without the old one."""

from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client as Browser
from django.utils import timezone

from filsluss.actions import key_fingerprint, local_accounts
from filsluss.actions.second_factors import app_of, has_factor, new_recovery_codes
from filsluss.models import Installation, Letter, LinkRequest, Totp
from filsluss.rules.networks import Client
from filsluss.rules.tokens import keys_for
from tests.pages.cases import open_transfer, ready_file
from tests.parts.administrators import NAME, PASSWORD, code_of, make_account

pytestmark = pytest.mark.django_db
OLD, NEW = "the key of before " * 3, "the key of now " * 3


@pytest.fixture
def use(settings):
    """Gives this process these secret keys, as its settings would."""

    def used(*given):
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = given[0], list(given[1:])
        settings.KEY_FINGERPRINTS = [key.hex()[:32] for key in keys_for("fingerprint", given)]
        settings.ENCRYPTION_KEYS = {use: keys_for(use, given) for use in settings.ENCRYPTION_KEYS}
        keys = {"link_keys": keys_for("link", given), "code_keys": keys_for("code", given)}
        settings.POLICY = replace(settings.POLICY, **keys)

    return used


def opens(code):
    """Whether password and code sign in, at pages that know nothing of before."""
    browser = Browser(**{"filsluss.client": Client("192.0.2.7", may_be_inside=False)})
    there = browser.post("/oversee/sign-in", {"username": NAME, "password": PASSWORD})
    answer = browser.post(there["Location"], {"code": code})
    assert answer.status_code in (303, 422)
    return answer.status_code == 303


def rekey():
    said = StringIO()
    call_command("rekey", stdout=said)
    return said.getvalue()


def test_an_app_and_recovery_codes_outlive_the_key_they_were_made_with(use):
    use(OLD)
    person = make_account()
    codes = new_recovery_codes(person, now=timezone.now())
    assert (opens(code_of(person)), opens(codes[0]), opens(codes[0])) == (True, True, False)
    use(NEW, OLD)
    assert (opens(code_of(person)), opens(codes[1])) == (True, True)
    assert "second factors are encrypted with it now" in rekey()
    assert (opens(code_of(person)), opens(codes[2])) == (True, True)
    use(NEW)
    assert (opens(code_of(person)), opens(codes[3]), opens(codes[2])) == (True, True, False)
    assert key_fingerprint.note(["another"]) is False
    use("a third one " * 4, NEW)
    rekey()
    use("a third one " * 4)
    assert (opens(code_of(person)), opens(codes[4])) == (True, True)


def test_everything_that_is_encrypted_is_encrypted_anew_and_a_second_time_nothing_is(use):
    use(OLD)
    ready_file(open_transfer())
    LinkRequest.objects.create(address="anna@ltdalarna.se", at=timezone.now())
    before = [each.text for each in Letter.objects.order_by("pk")]
    use(NEW, OLD)
    anew = int(rekey().partition("accepted.\n")[2].partition(" ")[0])
    assert anew == 2 * len(before) + 1
    assert "\n0 letters" in rekey()
    use(NEW)
    assert [each.text for each in Letter.objects.order_by("pk")] == before
    assert LinkRequest.objects.get().address == "anna@ltdalarna.se"


def test_where_the_old_key_is_lost_codes_open_nothing_and_the_account_is_unlocked(use):
    use(OLD)
    person = make_account()
    codes = new_recovery_codes(person, now=timezone.now())
    assert opens(code_of(person))
    use(NEW)
    assert "2 can be read with no key" in rekey()
    assert not has_factor(person)
    browser = Browser(**{"filsluss.client": Client("192.0.2.7", may_be_inside=False)})
    answer = browser.post("/oversee/sign-in", {"username": NAME, "password": PASSWORD})
    assert (answer.status_code, "filsluss admin unlock" in answer.content.decode()) == (403, True)
    assert "no second factor" in listed()
    link = local_accounts.unlock(NAME, by="os:test", now=timezone.now())
    browser.post(f"/staff/link/{link}", {"password": PASSWORD})
    assert browser.get("/oversee/me/factors").status_code == 200
    Totp.objects.update(proved_at=timezone.now())
    fresh = new_recovery_codes(person, now=timezone.now())
    assert (opens(code_of(person)), opens(fresh[0]), opens(codes[1])) == (True, True, False)


def listed():
    said = StringIO()
    call_command("admin", "list", stdout=said)
    return said.getvalue()


def test_an_app_whose_secret_nothing_reads_is_made_anew_at_the_page_for_it(use):
    use(OLD)
    person = make_account()
    use(NEW)
    now = timezone.now()
    assert app_of(person, now=now).proved_at is None
    assert Totp.objects.get().is_readable


def test_the_key_of_recovery_codes_is_drawn_and_not_stored_as_it_is(use):
    use(OLD)
    new_recovery_codes(make_account(), now=timezone.now())
    value = Installation.objects.get(name="recovery-code-key").value
    assert (value.startswith("sealed:"), len(value) < 300) == (True, True)

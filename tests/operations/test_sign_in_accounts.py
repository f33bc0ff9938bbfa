"""Many networks that guess one account's password are slowed down, and its owner still gets in."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client as Browser

from filsluss.models import Attempt, SecurityEvent
from filsluss.rules.networks import Client
from filsluss.rules.throttle import FREE_OF_ACCOUNT, account_delay
from tests.parts import administrators

pytestmark = pytest.mark.django_db
NAME, PASSWORD = "eva", "correct horse battery"


@pytest.fixture
def eva():
    return administrators.make_account(NAME, PASSWORD).user


@pytest.fixture
def clock(now):
    with time_machine.travel(now, tick=False) as clock:
        yield clock


def sign_in(password, network, name=NAME):
    own = {"filsluss.client": Client(network, may_be_inside=False)}
    given = {"name": name, "password": password, "query": "?lang=en"}
    return administrators.through_the_pages(Browser(), **given, **own)


def crowd(name=NAME, networks=40):
    return [sign_in("wrong", f"203.0.113.{number}", name).status_code for number in range(networks)]


def test_forty_guesses_from_forty_networks_are_slowed_and_all_of_them_noted(eva, clock):
    assert crowd() == [422] * FREE_OF_ACCOUNT + [429] * (40 - FREE_OF_ACCOUNT)
    outcomes = SecurityEvent.objects.values_list("outcome", flat=True)
    assert sorted(outcomes) == ["limited"] * (40 - FREE_OF_ACCOUNT) + ["wrong"] * FREE_OF_ACCOUNT


@pytest.mark.postgresql_if_full
def test_a_name_that_nobody_has_is_slowed_alike(eva, clock):
    assert crowd("nobody") == crowd()


@pytest.mark.postgresql_if_full
def test_the_owner_is_let_in_after_one_wait_however_many_go_on_guessing(eva, clock):
    crowd()
    refused = sign_in(PASSWORD, "198.51.100.9")
    assert (refused.status_code, refused["Retry-After"]) == (429, "60")
    clock.shift(timedelta(seconds=30))
    crowd()
    assert sign_in(PASSWORD, "198.51.100.9")["Retry-After"] == "30"
    clock.shift(timedelta(seconds=30))
    crowd()
    assert sign_in(PASSWORD, "198.51.100.9").status_code == 303


def test_a_network_from_which_the_account_signed_in_within_a_week_never_waits(eva, clock):
    assert sign_in(PASSWORD, "198.51.100.9").status_code == 303
    clock.shift(timedelta(days=6))
    crowd()
    assert sign_in(PASSWORD, "198.51.100.9").status_code == 303


def test_whoever_has_had_a_turn_waits_for_another(eva, clock):
    crowd()
    clock.shift(timedelta(minutes=1))
    assert sign_in("wrong", "203.0.113.20").status_code == 422
    assert sign_in("wrong", "203.0.113.20").status_code == 429


@pytest.mark.postgresql_if_full
def test_other_accounts_are_not_slowed(eva, clock):
    administrators.make_account("karin", PASSWORD)
    crowd()
    assert sign_in(PASSWORD, "198.51.100.9", "karin").status_code == 303


def test_after_an_hour_without_guesses_nobody_waits(eva, clock):
    crowd()
    clock.shift(timedelta(hours=1))
    assert sign_in(PASSWORD, "198.51.100.9").status_code == 303
    assert not Attempt.objects.filter(kind="sign-in-account").exists()


def test_the_wait_grows_and_has_a_bound():
    waits = [
        account_delay(failures).total_seconds() / 60 for failures in (0, 9, 10, 19, 20, 30, 40, 50, 10**6)
    ]
    assert waits == [0, 0, 1, 1, 2, 4, 8, 15, 15]

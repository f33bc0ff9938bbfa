"""Whoever guesses the administrator's password is slowed down, alone, and the administrator is not."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client as Browser

from filsluss.models import Attempt
from filsluss.rules.networks import Client
from tests.parts import administrators

pytestmark = pytest.mark.django_db
NAME, PASSWORD = "eva", "correct horse battery"


@pytest.fixture
def eva():
    return administrators.make_account(NAME, PASSWORD).user


def sign_in(password, network="192.0.2.7"):
    own = {"filsluss.client": Client(network, may_be_inside=False)}
    return administrators.through_the_pages(Browser(), password=password, query="?lang=en", **own)


def test_from_the_sixth_wrong_password_a_network_waits_and_is_told_how_long(eva):
    answers = [sign_in(f"wrong {number}") for number in range(7)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429] * 2
    assert 55 <= int(answers[5]["Retry-After"]) <= 60
    assert "Too many attempts. Try again in 1\N{NO-BREAK SPACE}minute." in answers[5].content.decode()
    assert sign_in(PASSWORD).status_code == 429


def test_another_network_is_let_in_meanwhile(eva):
    for number in range(6):
        sign_in(f"wrong {number}")
    assert sign_in(PASSWORD, network="198.51.100.9").status_code == 303


def test_addresses_of_one_ipv6_network_wait_together(eva):
    statuses = [sign_in("wrong", network=f"2001:db8:0:7::{number}").status_code for number in range(6)]
    assert statuses == [422] * 5 + [429]


def test_the_right_password_forgets_the_wrong_ones_before_it(eva):
    for number in range(4):
        sign_in(f"wrong {number}")
    assert sign_in(PASSWORD).status_code == 303
    assert not Attempt.objects.exists()
    assert sign_in("wrong").status_code == 422


@pytest.mark.django_db(transaction=True)
def test_a_crowd_of_guesses_at_once_is_counted_one_by_one(eva):
    def guess(number):
        try:
            return sign_in(f"wrong {number}").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as crowd:
        statuses = list(crowd.map(guess, range(24)))
    assert sorted(statuses) == [422] * 5 + [429] * 19

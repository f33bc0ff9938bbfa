"""Rate limits: so many applications, so many letters, so many guesses, and nobody else is affected."""

from datetime import timedelta
from ipaddress import ip_network

import pytest

from filsluss.actions.apply import TooManyApplications, apply
from filsluss.actions.decide import decide
from filsluss.actions.download import WRONG_CODE, TooManyTries, WrongCode, pickup_by_code
from filsluss.models import Attempt, Letter, Transfer
from filsluss.rules.application import Application
from filsluss.rules.networks import Client
from filsluss.rules.tokens import code_digest, draw_code
from tests.actions.racing import race
from tests.letters.cases import example_policy, make_file, make_transfer

POLICY = example_policy(inside_networks=(ip_network("10.0.0.0/8"),))
HOME = Client("10.1.2.3", may_be_inside=True)
AWAY = Client("198.51.100.7", may_be_inside=True)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def application(number=0, *, sender="", recipient=""):
    return Application(
        sender_name="Bo Ek",
        sender_email=sender or f"bo{number}@rontgen.example",
        recipient_email=recipient or f"anna{number}@ltdalarna.se",
        purpose="Offert",
        language="sv",
    )


def applied(form, *, now, client=HOME):
    """True, or the seconds to wait."""
    try:
        return bool(apply(form, policy=POLICY, now=now, client=client))
    except TooManyApplications as refused:
        return refused.retry_after


@pytest.mark.django_db
def test_a_network_applies_five_times_an_hour_and_nothing_of_a_sixth_is_kept(now):
    taken = [applied(application(n), now=now + n * MINUTE, client=AWAY) for n in range(7)]
    assert taken == [True] * 5 + [55 * 60, 54 * 60]
    assert (Transfer.objects.count(), Letter.objects.count()) == (5, 10)
    assert applied(application(7), now=now, client=Client("198.51.100.8", may_be_inside=True)) is True
    assert applied(application(8), now=now + HOUR, client=AWAY) is True
    assert applied(application(9), now=now + HOUR, client=AWAY) == 60


@pytest.mark.django_db
def test_in_ipv6_a_network_is_a_64(now):
    same = [Client(f"2001:db8:1:2::{n:x}", may_be_inside=True) for n in range(1, 7)]
    assert [applied(application(n), now=now, client=each) for n, each in enumerate(same)][4:] == [True, 3600]
    assert applied(application(8), now=now, client=Client("2001:db8:1:3::1", may_be_inside=True)) is True


@pytest.mark.django_db
def test_the_inside_networks_are_exempt_but_not_whoever_only_says_so(now):
    assert [applied(application(n), now=now) for n in range(12)] == [True] * 12
    forger = Client("10.1.2.3", may_be_inside=False)
    assert [applied(application(n), now=now, client=forger) for n in range(20, 26)][4:] == [True, 3600]


@pytest.mark.django_db(transaction=True)
def test_applications_at_the_same_moment_are_counted_one_by_one(now):
    taken = race(*[lambda n=n: applied(application(n), now=now, client=AWAY) for n in range(12)])
    assert sorted(taken) == [True] * 5 + [3600] * 7
    assert Transfer.objects.count() == 5


SPELLINGS = ["anna@ltdalarna.se", "Anna@LTDalarna.se", "ANNA+x@ltdalarna.se", "anna+y+z@ltdalarna.se"]


@pytest.mark.django_db
def test_a_mailbox_gets_twenty_letters_a_day_from_applications_nobody_approved_however_it_is_spelt(now):
    def to_anna(number, at=now):
        return applied(application(number, recipient=SPELLINGS[number % 4]), now=at)

    assert [to_anna(number) for number in range(22)] == [True] * 20 + [24 * 3600] * 2
    assert (Transfer.objects.count(), Letter.objects.filter(kind="approval-requested").count()) == (20, 20)
    for other in ("annas@ltdalarna.se", "an@ltdalarna.se", "hanna@ltdalarna.se"):
        assert applied(application(30, recipient=other), now=now) is True
    assert to_anna(40, now + timedelta(days=1) - timedelta(seconds=1)) == 24 * 3600
    assert to_anna(41, now + timedelta(days=1)) is True


@pytest.mark.django_db
def test_a_sender_who_may_be_anybody_gets_no_more_than_twenty_either(now):
    forms = [application(number, sender=f"Bo+{number}@rontgen.example") for number in range(21)]
    assert [applied(form, now=now) for form in forms] == [True] * 20 + [24 * 3600]


@pytest.mark.django_db
def test_what_follows_an_approval_is_outside_the_cap(now):
    for number in range(20):
        applied(application(number, recipient=SPELLINGS[0], sender="bo@rontgen.example"), now=now)
    transfer = Transfer.objects.first()
    decide(transfer, decision="approve", days="3", rejection_reason="", policy=POLICY, now=now)
    assert Letter.objects.filter(kind="approved", to="bo@rontgen.example").count() == 1
    outbound = application(50, sender=SPELLINGS[0], recipient="bo@rontgen.example")
    assert applied(outbound, now=now) is True


@pytest.fixture
def code(db, now):
    """The code of a ready file."""
    drawn = draw_code()
    digest = code_digest(POLICY.code_keys[0], drawn)
    make_file(make_transfer(now), now, with_code=True, code_digest=digest)
    return drawn


def guess(typed, *, now, client=AWAY):
    """True, False for a wrong one, or the seconds to wait."""
    try:
        return bool(pickup_by_code(typed, client=client, policy=POLICY, now=now))
    except WrongCode:
        return False
    except TooManyTries as refused:
        return refused.retry_after


def test_from_the_fifth_wrong_code_a_network_waits_and_twice_as_long_each_time_up_to_an_hour(code, now):
    assert [guess("2222-2222-2222", now=now) for _ in range(4)] == [False] * 4
    at, pauses = now, []
    for _ in range(9):
        pauses.append(guess("2222-2222-2222", now=at))
        assert guess(code, now=at + timedelta(seconds=pauses[-1] - 1)) == 1
        at += timedelta(seconds=pauses[-1])
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert guess(code, now=at) is True


def test_while_one_network_waits_the_file_is_there_for_every_other(code, now):
    for _ in range(50):
        guess("2222-2222-2222", now=now)
    assert guess(code, now=now) > 0
    assert guess(code, now=now, client=Client("198.51.100.8", may_be_inside=True)) is True
    assert guess(code.lower(), now=now, client=Client("2001:db8::1", may_be_inside=True)) is True


def test_four_wrong_codes_a_quarter_are_free(code, now):
    for quarter in range(4):
        at = now + quarter * 16 * MINUTE
        assert [guess("2222", now=at) for _ in range(4)] == [False] * 4
        assert guess(code, now=at) is True


def test_a_64_guesses_as_one(code, now):
    crowd = [Client(f"2001:db8:1:2::{n:x}", may_be_inside=True) for n in range(1, 6)]
    assert [guess("2222", now=now, client=each) for each in crowd] == [False] * 4 + [60]


@pytest.mark.django_db(transaction=True)
def test_guesses_at_the_same_moment_are_counted_one_by_one(now):
    make_file(make_transfer(now), now)
    outcomes = race(*[lambda: guess("2222-2222-2222", now=now)] * 12)
    assert sorted(outcomes) == [False] * 4 + [60] * 8
    assert Attempt.objects.filter(kind=WRONG_CODE).count() == 5


def test_when_many_guess_whoever_guessed_wrong_gets_one_try_an_hour_and_nobody_else_waits(code, now):
    Attempt.objects.bulk_create(
        Attempt(kind=WRONG_CODE, network=f"203.0.{n // 250}.{n % 250}/32", at=now - MINUTE)
        for n in range(1000)
    )
    first, second = (Client(f"198.51.100.{n}", may_be_inside=True) for n in (1, 2))
    assert guess(code, now=now, client=second) is True
    assert guess("2222", now=now, client=first) == 3600
    assert guess(code, now=now + 58 * MINUTE, client=first) == 120
    assert guess(code, now=now, client=second) is True
    assert guess(code, now=now + HOUR, client=first) is True


@pytest.mark.parametrize("moment", [timedelta(days=8), timedelta(days=30)])
def test_after_the_end_a_right_code_is_a_wrong_one(code, now, moment):
    assert guess(code, now=now + moment) is False


def test_nothing_that_can_be_typed_is_a_fault(code, now):
    for number, typed in enumerate(
        ["", " ", "-", "å" * 200, "\x00", "🎉", "٢٢٢٢-٢٢٢٢", "' OR 1=1 --", code + "2"]
    ):
        assert guess(typed, now=now, client=Client(f"198.51.100.{number}", may_be_inside=True)) is False

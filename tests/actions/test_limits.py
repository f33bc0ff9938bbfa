"""Rate limits: so many applications, so many letters, so many guesses, and nobody else is affected."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from filsluss.actions.apply import apply
from filsluss.actions.download import WRONG_CODE, pickup_by_code
from filsluss.actions.limits import Limit, LimitReached, refuse_over
from filsluss.models import Attempt, Letter, Party, Transfer
from filsluss.rules.application import Application
from filsluss.rules.networks import Client
from filsluss.rules.refusals import FormRefused
from filsluss.rules.tokens import code_digest, draw_code
from tests.actions.racing import race
from tests.letters.cases import example_policy, make_file, make_transfer
from tests.parts.services import services_for

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
        return bool(apply(form, services=services_for(POLICY), now=now, client=client))
    except LimitReached as refused:
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


@pytest.mark.django_db
def test_a_sender_who_may_be_anybody_gets_no_more_than_twenty_receipts_and_is_never_refused(now):
    networks = [Client(f"203.0.113.{number}", may_be_inside=True) for number in range(23)]
    forms = [application(number, sender=f"Bo+{number}@rontgen.example") for number in range(23)]
    assert [applied(form, now=now, client=each) for form, each in zip(forms, networks, strict=True)] == [
        True
    ] * 23
    assert Letter.objects.filter(kind="received").count() == 20
    assert applied(application(30, sender="bo@rontgen.example"), now=now + timedelta(days=1)) is True
    assert Letter.objects.filter(kind="received").count() == 21


def outbound(number, *, sender="chef@ltdalarna.se"):
    return application(number, sender=sender, recipient=f"eva{number}@konsult.example")


def strangers(count, first=1):
    return [Client(f"203.0.113.{first + number}", may_be_inside=True) for number in range(count)]


@pytest.mark.django_db
def test_a_sender_named_by_strangers_gets_twenty_letters_a_day_and_whoever_is_inside_any_number(now):
    waits = [applied(outbound(n), now=now + n * MINUTE, client=each) for n, each in enumerate(strangers(60))]
    day = 24 * 3600
    assert waits == [True] * 20 + [day - n * 60 for n in range(20, 60)]
    assert Letter.objects.filter(kind="approved", to="chef@ltdalarna.se").count() == 20
    assert [applied(outbound(100 + n), now=now + HOUR) for n in range(30)] == [True] * 30
    assert applied(outbound(200, sender="Chef+x@LTDalarna.se"), now=now + HOUR, client=AWAY) == day - 3600
    assert applied(outbound(201, sender="annan@ltdalarna.se"), now=now + HOUR, client=AWAY) is True
    assert applied(outbound(202), now=now + timedelta(days=1), client=AWAY) is True


@pytest.mark.django_db
def test_one_network_cannot_use_up_what_a_sender_may_do_from_another(now):
    tries = [applied(outbound(n), now=now + n * 12 * MINUTE, client=AWAY) for n in range(15)]
    assert tries[:10] == [True] * 10
    assert tries[10] == 24 * 3600 - 2 * 3600
    home_office = Client("192.0.2.44", may_be_inside=True)
    assert applied(outbound(50), now=now + 4 * HOUR, client=home_office) is True


@pytest.mark.django_db
def test_a_sender_who_used_their_links_is_not_counted(now):
    for number, each in enumerate(strangers(20)):
        applied(outbound(number), now=now, client=each)
    assert applied(outbound(30), now=now, client=AWAY) == 24 * 3600
    Party.objects.filter(role="sender").update(proof="mailbox")
    assert applied(outbound(31), now=now, client=AWAY) is True


@pytest.mark.django_db(transaction=True)
def test_outbound_applications_at_the_same_moment_are_counted_one_by_one(now):
    policy = replace(POLICY, outbound_per_day=3)
    networks = strangers(9)

    def one(number):
        try:
            return bool(
                apply(outbound(number), services=services_for(policy), now=now, client=networks[number])
            )
        except LimitReached as reached:
            return reached.limit

    outcomes = race(*[lambda n=n: one(n) for n in range(9)])
    assert sorted(map(str, outcomes)) == ["True"] * 3 + [Limit.SENDER] * 6


@pytest.mark.django_db
def test_the_limits_are_settings(now):
    policy = replace(POLICY, applications_per_hour=2, wrong_codes=1)
    taken = []
    for number in range(4):
        try:
            taken.append(
                bool(apply(application(number), services=services_for(policy), now=now, client=AWAY))
            )
        except LimitReached as reached:
            taken.append(reached.limit)
    assert taken == [True, True, Limit.NETWORK, Limit.NETWORK]
    for expected in (FormRefused, LimitReached):
        with pytest.raises(expected):
            pickup_by_code("2222-2222-2222", client=AWAY, services=services_for(policy), now=now)


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
        return bool(pickup_by_code(typed, client=client, services=services_for(POLICY), now=now))
    except FormRefused:
        return False
    except LimitReached as refused:
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


def test_who_did_more_than_is_allowed_waits_until_enough_of_it_is_past(now):
    times = [now - 50 * MINUTE, now - 40 * MINUTE, now - 10 * MINUTE]
    with pytest.raises(LimitReached) as refused:
        refuse_over(times, most=2, window=HOUR, limit=Limit.FORM, now=now)
    assert refused.value.retry_after == 20 * 60


@pytest.mark.django_db
@pytest.mark.parametrize(("is_approved", "receipts"), [(False, 1), (True, 2)])
def test_a_receipt_of_what_was_approved_keeps_no_later_one_back(now, is_approved, receipts):
    few = services_for(replace(POLICY, letters_per_day=1))
    apply(application(1, sender="bo@rontgen.example"), services=few, now=now, client=AWAY)
    if is_approved:
        Transfer.objects.update(open_until=now + HOUR)
    apply(application(2, sender="bo@rontgen.example"), services=few, now=now, client=AWAY)
    assert Letter.objects.filter(kind="received").count() == receipts

"""Lists of requests: who is asked at once and who in a list, when it comes, and what leaves it."""

import re
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from django.core.management import call_command
from django.db import connection

from filsluss.actions import expiry, oversee, reminders
from filsluss.actions.apply import apply
from filsluss.actions.decide import decide
from filsluss.actions.limits import LimitReached
from filsluss.actions.transitions import Cause, advance
from filsluss.letters import compose, outbox, request_lists, truth
from filsluss.letters.claims import Claimant
from filsluss.letters.links import decide_link
from filsluss.models import Letter, LetterCase, Link, Party, Transfer
from filsluss.models.letter import list_closes_at
from filsluss.rules.application import Application
from filsluss.rules.decision import Decision
from filsluss.rules.directions import Proof
from filsluss.rules.lifecycle import TAKEN_BACK, State
from filsluss.rules.networks import Client, parse_networks
from tests.actions.racing import race
from tests.letters.cases import ANNA, example_policy
from tests.parts.services import services_for

POLICY = example_policy(inside_networks=parse_networks(["10.0.0.0/8"]), letters_per_day=2)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
QUARTER = 15 * MINUTE
pytestmark = pytest.mark.django_db


def ask(number, now, *, to=ANNA, client=None, policy=POLICY):
    """An application of one of many suppliers, each from a network of its own."""
    form = Application(
        sender_name=f"Bo {number}",
        sender_email=f"bo{number}@foretag{number}.example",
        recipient_email=to,
        purpose=f"Offert {number}",
    )
    network = client or Client(f"203.0.{number // 250}.{number % 250 + 1}", may_be_inside=True)
    return apply(form, services=services_for(policy), now=now, client=network)


def ask_many(count, now, **own):
    return [ask(number, now, **own) for number in range(count)]


def approve(transfer, now):
    transfer.refresh_from_db()
    decide(transfer, form=Decision("approve", "3"), services=services_for(POLICY), now=now)


def closed(now, policy=POLICY):
    return request_lists.close_lists(policy=policy, now=now)


def letters(kind, **own):
    return list(Letter.objects.filter(kind=kind, **own).order_by("pk"))


def lists(**own):
    return letters("approvals-requested", **own)


def test_beyond_its_limit_a_mailbox_gets_the_undecided_requests_in_one_list(now):
    transfers = ask_many(5, now)
    assert (len(letters("approval-requested")), len(letters("received"))) == (2, 5)
    assert [(each.delivery, each.text) for each in lists()] == [("collecting", "")]
    assert closed(now + QUARTER - MINUTE) == 0
    assert closed(now + QUARTER) == 1
    (letter,) = lists()
    assert (letter.delivery, letter.to, letter.priority, letter.reply_to) == (
        "queued",
        ANNA,
        0,
        POLICY.support_email,
    )
    for number, transfer in enumerate(transfers):
        told = (
            f"Bo {number} (bo{number}@foretag{number}.example)",
            f"> Offert {number}\n",
            transfer.public_id,
        )
        assert [words in letter.text for words in told] == [number >= 2] * 3
        link = decide_link(transfer.approver, POLICY)
        assert (link in letter.text, f'href="{link}"' in letter.html) == (number >= 2, number >= 2)
    assert closed(now + HOUR) == 0


def test_the_time_to_answer_counts_from_the_list(now):
    *_, waiting = ask_many(3, now)
    assert (waiting.state, waiting.asked_at, waiting.lapse_by) == (State.PENDING, None, None)
    later = now + DAY
    assert closed(later) == 1
    waiting.refresh_from_db()
    assert (waiting.asked_at, waiting.lapse_by) == (later, POLICY.end_of(later, POLICY.decision_days))
    approve(waiting, later)
    assert waiting.state == State.OPEN


def test_who_was_not_asked_never_lapses_and_is_not_reminded_of(now):
    *_, waiting = ask_many(3, now)
    assert expiry.lapse_undecided(services=services_for(POLICY), now=now + 60 * DAY) == 2
    assert reminders.remind_approvers(services=services_for(POLICY), now=now + 6 * DAY) == 0
    waiting.refresh_from_db()
    assert waiting.state == State.PENDING


def test_what_is_decided_makes_room_at_once(now):
    first, second, _ = ask_many(3, now)
    for transfer in (first, second):
        approve(transfer, now)
    assert ask(9, now).asked_at == now
    assert len(letters("approval-requested", delivery="queued")) == 1


def test_a_day_later_undecided_requests_no_longer_count(now):
    ask_many(2, now)
    assert ask(3, now + DAY - MINUTE).asked_at is None
    assert ask(4, now + DAY).asked_at == now + DAY


def test_from_an_inside_network_nobody_waits(now):
    ask_many(5, now)
    reception = Client("10.1.2.3", may_be_inside=True)
    assert ask(9, now, client=reception).asked_at == now
    forger = Client("10.1.2.3", may_be_inside=False)
    assert ask(10, now, client=forger).asked_at is None


def test_a_mailbox_is_one_however_it_is_spelt_and_another_one_does_not_wait(now):
    spellings = ["Anna.Berg@LTDalarna.se", "anna.berg+x@ltdalarna.se", ANNA, "ANNA.BERG+y+z@ltdalarna.se"]
    asked = [ask(number, now, to=to).asked_at for number, to in enumerate(spellings)]
    assert asked == [now, now, None, None]
    assert ask(9, now, to="anna.bergs@ltdalarna.se").asked_at == now
    closed(now + QUARTER)
    assert [(letter.to, letter.cases.count()) for letter in lists()] == [(ANNA, 2)]


@pytest.mark.postgresql_if_full
def test_a_mailbox_gets_a_list_at_most_every_four_hours(now):
    ask_many(3, now)
    closed(now + QUARTER)
    for number in range(10, 10 + 24 * 4):
        at = now + (number - 9) * QUARTER
        ask(number, at)
        closed(at + MINUTE)
    closes = [letter.written_at for letter in lists(delivery="queued")]
    assert 5 <= len(closes) <= 6
    assert min(later - one for one, later in pairwise(closes)) >= 4 * HOUR
    assert Transfer.objects.filter(asked_at=None).count() <= 4 * 4


def test_a_list_has_an_upper_size_and_the_others_come_in_the_next_ones(now, monkeypatch):
    monkeypatch.setattr(request_lists, "MOST_REQUESTS", 3)
    transfers = ask_many(2 + 7, now)
    at, sizes = now + QUARTER, []
    for _ in range(3):
        assert closed(at) == 1
        sizes.append(lists()[len(sizes)].cases.count())
        at += 4 * HOUR
    assert (sizes, closed(at)) == ([3, 3, 1], 0)
    told = [each.transfer_id for each in LetterCase.objects.filter(letter__in=lists()).order_by("pk")]
    assert told == [each.pk for each in transfers[2:]]
    assert Transfer.objects.filter(asked_at=None).count() == 0
    assert [len(set(re.findall(r"/decide/[\w-]+", each.text))) for each in lists()] == sizes


def test_who_had_no_place_on_a_list_has_not_been_asked_yet(now, monkeypatch):
    monkeypatch.setattr(request_lists, "MOST_REQUESTS", 1)
    *_, last = ask_many(2 + 2, now)
    assert closed(now + QUARTER) == 1
    last.refresh_from_db()
    assert (last.asked_at, last.lapse_by, list_closes_at(last)) == (None, None, now + QUARTER + 4 * HOUR)


def test_a_list_that_something_leaves_keeps_its_size(now, monkeypatch):
    monkeypatch.setattr(request_lists, "MOST_REQUESTS", 2)
    transfers = ask_many(2 + 5, now)
    closed(now + QUARTER)
    approve(transfers[2], now + QUARTER)
    closed(now + QUARTER)
    assert max(each.cases.count() for each in lists(delivery="queued")) == 2


def test_how_often_is_a_setting(now):
    policy = replace(POLICY, list_interval=32 * MINUTE)
    ask_many(3, now, policy=policy)
    assert closed(now + 2 * MINUTE, policy) == 1
    ask(9, now + 3 * MINUTE, policy=policy)
    assert closed(now + 33 * MINUTE, policy) == 0
    assert closed(now + 34 * MINUTE, policy) == 1


def withdraw(transfer, now):
    oversee.withdraw(
        transfer, reason=oversee.Reason("Missbruk", "os:eva"), services=services_for(POLICY), now=now
    )


def take_back(transfer, now):
    advance(transfer, TAKEN_BACK, cause=Cause("sender"), services=services_for(POLICY), now=now)


@pytest.mark.parametrize("act", [withdraw, take_back, approve])
def test_what_is_decided_before_the_list_closes_is_not_on_it_and_nobody_is_told(now, act):
    *_, gone, other = ask_many(4, now)
    act(gone, now)
    assert letters("withdrawn") == []
    assert closed(now + QUARTER) == 1
    (letter,) = lists()
    assert (gone.public_id in letter.text, other.public_id in letter.text) == (False, True)
    assert [case.transfer for case in letter.cases.all()] == [other]


def test_a_list_of_which_nothing_is_left_is_not_sent(now):
    *_, gone = ask_many(3, now)
    withdraw(gone, now)
    assert closed(now + QUARTER) == 1
    assert [(letter.delivery, letter.text) for letter in lists()] == [("withdrawn", "")]
    assert ask(9, now + QUARTER).asked_at is None
    assert closed(now + 2 * QUARTER) == 1


@pytest.mark.parametrize("act", [withdraw, take_back, approve])
def test_what_is_decided_while_the_list_is_queued_leaves_it(now, act):
    *_, gone, other = ask_many(4, now)
    closed(now + QUARTER)
    asked = Transfer.objects.get(pk=other.pk).asked_at
    gone.refresh_from_db()
    act(gone, now + HOUR)
    (letter,) = lists()
    assert (letter.delivery, letter.text) == ("collecting", "")
    assert closed(now + HOUR) == 1
    (letter,) = lists()
    assert (letter.delivery, gone.public_id in letter.text, other.public_id in letter.text) == (
        "queued",
        False,
        True,
    )
    assert Transfer.objects.get(pk=other.pk).asked_at == asked
    assert (len(letters("withdrawn"))) == (1 if act is take_back else 0)


def test_a_queued_list_joins_the_one_that_collects_when_something_leaves_it(now):
    *_, gone, other = ask_many(4, now)
    closed(now + QUARTER)
    later = ask(9, now + HOUR)
    gone.refresh_from_db()
    withdraw(gone, now + HOUR)
    assert [letter.delivery for letter in lists()] == ["withdrawn", "collecting"]
    assert closed(now + HOUR) == 1
    (letter,) = lists(delivery="queued")
    assert {case.transfer for case in letter.cases.all()} == {other, later}


@pytest.mark.usefixtures("mail_server")
def test_a_list_that_was_sent_is_not_written_again(now, mail_server):
    *_, waiting = ask_many(3, now)
    closed(now + QUARTER)
    while outbox.deliver_next(Claimant(), policy=POLICY, now=now + QUARTER):
        pass
    letter = mail_server.one("approvals-requested", to=ANNA)
    assert len(letter.links("decide")) == 1
    approve(waiting, now + HOUR)
    assert [(letter.delivery, letter.text) for letter in lists()] == [("sent", "")]
    assert closed(now + DAY) == 0


def test_when_a_list_cannot_be_delivered_each_sender_on_it_with_a_proof_hears(now):
    *_, stranger, one, two = ask_many(5, now)
    Party.objects.filter(pk__in=[one.sender.pk, two.sender.pk]).update(proof=Proof.MAILBOX)
    assert stranger.sender.proof == Proof.NONE
    closed(now + QUARTER)
    (letter,) = lists()
    failure = outbox.GivenUp("550 no such user", "refused", "550 no such user")
    outbox.give_up(letter, failure, policy=POLICY, now=now + HOUR)
    told = LetterCase.objects.filter(letter__kind="undelivered").order_by("transfer")
    assert [(case.transfer, case.letter.to) for case in told] == [
        (each, each.sender.address) for each in (one, two)
    ]


def test_a_list_that_was_given_up_is_sent_again_only_while_one_of_its_requests_waits(now):
    *_, one, two = ask_many(4, now)
    closed(now + QUARTER)
    (letter,) = lists()
    failure = outbox.GivenUp("550 no such user", "refused", "550 no such user")
    outbox.give_up(letter, failure, policy=POLICY, now=now + HOUR)
    (letter,) = lists()
    approve(Transfer.objects.get(pk=one.pk), now + HOUR)
    assert truth.is_true_at(letter, list(letter.cases.select_related("transfer")), now + HOUR)
    approve(Transfer.objects.get(pk=two.pk), now + HOUR)
    assert not truth.is_true_at(letter, list(letter.cases.select_related("transfer")), now + HOUR)


def test_a_lost_key_keeps_no_other_request_waiting(now):
    *_, lost, other = ask_many(4, now)
    Link.objects.filter(party=lost.approver, purpose="decide").update(digest="0" * 64)
    assert closed(now + QUARTER) == 1
    (letter,) = lists()
    fresh = Link.objects.filter(party=lost.approver, purpose="decide").latest("pk")
    assert fresh.token(POLICY.link_keys) in letter.text
    assert decide_link(other.approver, POLICY) in letter.text


def test_a_crash_while_the_list_closes_changes_nothing(now, monkeypatch):
    *_, waiting = ask_many(3, now)
    with monkeypatch.context() as crash:
        crash.setattr(compose, "set_text", lambda *_, **__: 1 / 0)
        assert closed(now + QUARTER) == 0
    waiting.refresh_from_db()
    assert (waiting.asked_at, [letter.delivery for letter in lists()]) == (None, ["collecting"])
    assert closed(now + 2 * QUARTER) == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_close_a_list_once(now):
    ask_many(5, now)
    (letter,) = lists()
    outcomes = race(*[lambda: request_lists.close(letter, policy=POLICY, now=now + QUARTER)] * 4)
    assert sorted(outcomes) == [False, False, False, True]
    assert (lists()[0].cases.count(), Transfer.objects.filter(asked_at=None).count()) == (3, 0)


@pytest.mark.django_db(transaction=True)
def test_applications_at_the_same_moment_share_one_list_and_none_is_lost(now):
    outcomes = race(*[lambda n=n: ask(n, now).asked_at is not None for n in range(8)])
    assert sorted(outcomes) == [False] * 6 + [True] * 2
    assert [letter.cases.count() for letter in lists()] == [6]


@pytest.mark.django_db(transaction=True)
def test_closing_applying_and_withdrawing_at_the_same_moment_never_wait_for_each_other(now):
    *_, gone, other = ask_many(4, now)
    (letter,) = lists()
    outcomes = race(
        lambda: request_lists.close(letter, policy=POLICY, now=now + QUARTER),
        lambda: withdraw(gone, now + QUARTER),
        lambda: ask(9, now + QUARTER),
    )
    assert [each for each in outcomes if isinstance(each, Exception)] == []
    closed(now + 5 * HOUR)
    closed(now + 5 * HOUR)
    connection.close()
    assert not Transfer.objects.filter(state=State.PENDING, asked_at=None).exists()
    on_lists = [case.transfer for case in LetterCase.objects.filter(letter__kind="approvals-requested")]
    assert on_lists.count(other) == 1


def test_reminders_beyond_the_limit_come_in_a_list_and_once(now):
    ask_many(6, now)
    closed(now + QUARTER)
    at = now + 6 * DAY
    assert reminders.remind_approvers(services=services_for(POLICY), now=at) == 6
    assert reminders.remind_approvers(services=services_for(POLICY), now=at + MINUTE) == 0
    closed(at + QUARTER)
    assert reminders.remind_approvers(services=services_for(POLICY), now=at + HOUR) == 0
    assert (len(letters("approval-reminder")), [letter.cases.count() for letter in lists()]) == (2, [4, 4])


def test_who_was_asked_by_a_letter_and_reminded_by_a_list_is_not_reminded_again(now):
    for number in range(4):
        assert ask(number, now + number // 2 * DAY).asked_at is not None
    at = now + 7 * DAY
    assert reminders.remind_approvers(services=services_for(POLICY), now=at) == 4
    closed(at + QUARTER)
    assert [letter.cases.count() for letter in lists()] == [2]
    assert reminders.remind_approvers(services=services_for(POLICY), now=at + DAY) == 0


def test_a_mailbox_gets_no_more_letters_about_the_end_of_what_it_never_answered(now):
    ask_many(6, now)
    closed(now + QUARTER)
    assert expiry.lapse_undecided(services=services_for(POLICY), now=now + 9 * DAY) == 6
    assert len(letters("lapsed", to=ANNA)) == 2
    assert len(letters("lapsed")) == 2 + 6


def test_when_the_list_closes_is_known(now):
    asked, _, waiting = ask_many(3, now)
    assert (list_closes_at(asked), list_closes_at(waiting)) == (None, now + QUARTER)
    (receipt,) = letters("received", to=waiting.sender.address)
    assert "skickas därför i en lista" in receipt.text
    assert "omkring 24\u00a0november 2026 kl.\u00a010.15" in receipt.text
    assert "avslutas ärendet" not in receipt.text
    assert "lista" not in letters("received", to=asked.sender.address)[0].text


def test_the_administrators_command_says_when_it_will_be_asked(now, capsys):
    asked, _, waiting = ask_many(3, now)
    call_command("show", asked.public_id)
    assert "asked_at          2026-11-24" in capsys.readouterr().out
    call_command("show", waiting.public_id)
    shown = capsys.readouterr().out
    assert "asked about       2026-11-24 09:15:00" in shown
    assert "asked_at" not in shown
    assert "lapse_by" not in shown
    assert re.search(r"letter approvals-requested collecting +anna\.berg@ltdalarna\.se", shown)
    call_command("list", "--state", "pending")
    assert capsys.readouterr().out.count("  pending ") == 3


@pytest.mark.postgresql_if_full
@pytest.mark.timeout(400)
@pytest.mark.django_db(transaction=True)  # in one transaction PostgreSQL keeps every version of each row
def test_two_hundred_suppliers_are_all_served_while_a_network_floods_their_mailbox(now):
    """A day of it: each supplier is asked for within four hours, and the mailbox is not flooded."""
    policy = replace(POLICY, letters_per_day=20)
    flood, refused = Client("198.51.100.7", may_be_inside=True), 0
    honest, approved = [], 0
    for number in range(200):
        at = now + number * DAY / 200
        honest.append(ask(number, at, policy=policy))
        for more in range(2):
            try:
                ask(1000 + number * 2 + more, at, client=flood, policy=policy)
            except LimitReached:
                refused += 1
        closed(at, policy)
        for transfer in honest[approved * 2 :: 2]:
            transfer.refresh_from_db()
            if transfer.asked_at is None:
                break
            decide(transfer, form=Decision("approve", "3"), services=services_for(policy), now=at)
            approved += 1
    for more in range(5 * 4):
        closed(now + DAY + more * QUARTER, policy)
    for transfer in honest:
        transfer.refresh_from_db()
        assert transfer.asked_at - transfer.applied_at <= 4 * HOUR + QUARTER
    assert (len(honest), refused >= 400 - 5 * 25) == (200, True)
    single = LetterCase.objects.filter(letter__kind="approval-requested")
    assert single.filter(transfer__decided_at=None).count() <= 20 * 2
    assert len(lists(delivery="queued")) <= 7
    assert expiry.lapse_undecided(services=services_for(policy), now=now + 30 * DAY) > 0
    assert not Transfer.objects.filter(state=State.LAPSED, asked_at=None).exists()

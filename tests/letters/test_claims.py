"""Which process holds a letter: whatever anybody's clock says, and until its heartbeats stop."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import F

from filsluss import jobs
from filsluss.letters import claims, delivery, outbox
from filsluss.letters.claims import Claimant, claimed, delivered_elsewhere, has_exited
from filsluss.letters.outbox import deliver_next
from filsluss.models import Letter
from filsluss.rules.directions import Role
from tests.letters.cases import Case, example_policy
from tests.parts.eventually import eventually
from tests.parts.services import services_for

POLICY = example_policy()
TRUE_FOR_EVER = Case("rejected", Role.SENDER, transfer={"rejection_reason": "Fel fil."})
AWAY = "another boot/1/9f3a.00"
"""A claimant on another machine, of which only the heartbeats can be seen."""


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr(claims, "LEASE", 1.0)
    monkeypatch.setattr(claims, "RENEWAL", 0.1)


@pytest.fixture
def letter(db, now):
    return TRUE_FOR_EVER.write("sv", now)


def row(letter):
    return Letter.objects.get(pk=letter.pk)


def set_claim(letter, claimant):
    Letter.objects.filter(pk=letter.pk).update(claimed_by=claimant, claim_count=1, tries=1)


def try_for(seconds, me, now):
    """Whether `me` could claim a letter within that time, trying 20 times a second."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if deliver_next(me, policy=POLICY, now=now):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("difference", [timedelta(hours=-5), timedelta(0), timedelta(days=9)], ids=str)
def test_a_letter_that_is_being_sent_is_not_claimed_whatever_the_others_clock_says(mail_server, difference):
    now = datetime.now(UTC)
    letter = TRUE_FOR_EVER.write("sv", now)
    Letter.objects.update(next_try_at=now - timedelta(days=1))
    mail_server.slow = 4

    def send():
        deliver_next(Claimant(), policy=POLICY, now=now)
        connection.close()

    first = threading.Thread(target=send)
    first.start()
    eventually(lambda: row(letter).claimed_by, interval=0.02)
    assert try_for(3, Claimant(), now + difference) is False
    assert row(letter).delivery == "queued"
    first.join(30)
    assert (row(letter).delivery, len(mail_server.letters)) == ("sent", 1)


def test_the_letter_of_a_process_that_exited_on_this_machine_is_claimed_at_once(letter, now, mail_server):
    exited, me = Claimant(), Claimant()
    assert outbox.claim(exited, now=now) is not None
    assert (outbox.claim(me, now=now), has_exited(row(letter).claimed_by)) == (None, False)
    exited.release()
    assert has_exited(row(letter).claimed_by)
    assert deliver_next(me, policy=POLICY, now=now) is True
    assert (row(letter).delivery, row(letter).tries, len(mail_server.letters)) == ("sent", 2, 1)


@pytest.mark.parametrize("clock", [timedelta(days=-9), timedelta(days=9)], ids=str)
def test_the_letter_of_a_process_that_exited_elsewhere_is_claimed_after_a_lease_by_the_readers_own_clock(
    letter, now, mail_server, clock
):
    Letter.objects.update(next_try_at=now - timedelta(days=10))
    set_claim(letter, AWAY)
    began = time.monotonic()
    assert try_for(30, Claimant(), now + clock) is True
    assert time.monotonic() - began >= 1.0
    assert (row(letter).delivery, len(mail_server.letters)) == ("sent", 1)


def test_a_process_that_has_just_started_waits_a_whole_lease_of_its_own(letter, now, mail_server):
    set_claim(letter, AWAY)
    old, new = Claimant(), Claimant()
    assert try_for(0.9, old, now) is False
    assert (try_for(0.5, new, now), mail_server.letters) == (False, [])
    assert deliver_next(old, policy=POLICY, now=now) is True
    assert len(mail_server.letters) == 1


def test_a_claim_whose_heartbeats_go_on_is_kept_for_as_long_as_it_takes(letter, now, mail_server):
    set_claim(letter, AWAY)
    me = Claimant()
    for count in range(2, 10):
        assert try_for(0.5, me, now) is False
        Letter.objects.update(claim_count=count)
    assert try_for(3, me, now) is True
    assert len(mail_server.letters) == 1


def test_a_process_that_lost_its_lease_does_not_send_what_another_has_claimed(letter, now, mail_server):
    sleeper, other = Claimant(), Claimant()
    stale = outbox.claim(sleeper, now=now)
    sleeper.release()
    theirs = outbox.claim(other, now=now)
    with pytest.raises(delivery.LeaseLost):
        outbox.deliver(stale, policy=POLICY, now=now)
    outbox.postpone(stale, error="421 later", policy=POLICY, now=now)
    outbox.give_up(stale, outbox.GivenUp("550 no", "refused"), policy=POLICY, now=now)
    assert (mail_server.letters, row(letter).delivery, row(letter).claimed_by) == (
        [],
        "queued",
        theirs.claimed_by,
    )
    outbox.deliver(theirs, policy=POLICY, now=now)
    assert (row(letter).delivery, len(mail_server.letters)) == ("sent", 1)


def test_a_letter_withdrawn_while_the_connection_was_opened_is_not_sent(letter, now, mail_server):
    claimed = outbox.claim(Claimant(), now=now)
    outbox.withdraw_unsent(transfer=letter.cases.get().transfer, kinds=(letter.kind,), now=now)
    with pytest.raises(delivery.LeaseLost):
        outbox.deliver(claimed, policy=POLICY, now=now)
    assert (mail_server.letters, row(letter).delivery) == ([], "withdrawn")


def test_of_two_that_claim_a_stale_letter_at_the_same_moment_one_has_it(letter, now):
    set_claim(letter, AWAY)
    one, other = Claimant(), Claimant()
    first, second = row(letter), row(letter)
    assert (one.hold(first), other.hold(second)) == (True, True)
    whole = one.claim(first, now=now)
    assert (claimed(whole).exists(), other.claim(second, now=now)) == (True, None)
    assert (one.held_letters(), other.held_letters()) == ([letter.pk], [])


@pytest.mark.django_db(transaction=True)
def test_one_thread_renews_the_claims_on_all_letters_that_a_process_delivers(now):
    letters = [
        Case("rejected", Role.SENDER, transfer={"public_id": public_id}).write("sv", now)
        for public_id in ("K7PM-4QXD", "K7PM-4QXE")
    ]
    me = Claimant()
    held = [outbox.claim(me, now=now) for _ in letters]
    for _ in held:
        me.beat()
    counts = eventually(
        lambda: [row(letter).claim_count for letter in letters], lambda counts: min(counts) >= 4
    )
    assert ([each.name for each in threading.enumerate()].count("lease"), len(counts)) == (1, 2)
    me.let_go(held[0])
    ended = row(held[0]).claim_count
    eventually(lambda: row(held[1]).claim_count, lambda count: count >= counts[1] + 4)
    assert row(held[0]).claim_count <= ended + 1  # the one that was under way
    me.let_go(held[1])
    eventually(lambda: "lease" not in [each.name for each in threading.enumerate()])
    me.release()


@pytest.fixture
def once(transactional_db, store):
    """`worker --once` at a moment; how long it took."""

    def work(now):
        began = time.monotonic()
        jobs.run_once(jobs.Worker(services_for(POLICY, store)), now)
        return time.monotonic() - began

    return work


def test_once_waits_a_lease_for_the_letter_of_a_process_that_may_have_exited(once, now, mail_server):
    letter = TRUE_FOR_EVER.write("sv", now)
    set_claim(letter, AWAY)
    assert once(now) >= 1.0
    assert (row(letter).delivery, len(mail_server.letters)) == ("sent", 1)


def test_once_waits_no_longer_than_a_lease_for_a_process_that_is_alive(once, now, mail_server):
    letter, stop = TRUE_FOR_EVER.write("sv", now), threading.Event()
    set_claim(letter, AWAY)

    def beat():
        while not stop.wait(0.1):
            Letter.objects.update(claim_count=F("claim_count") + 1)
        connection.close()

    claimant = threading.Thread(target=beat)
    claimant.start()
    took = once(now)
    stop.set()
    claimant.join()
    assert 2.0 <= took < 20
    assert (row(letter).delivery, mail_server.letters) == ("queued", [])


def test_once_rests_while_a_domain_is_full_with_letters_of_processes_that_may_have_exited(
    once, now, mail_server, monkeypatch
):
    *others, _free = [
        Case("rejected", Role.SENDER, transfer={"public_id": f"K7PM-4QX{number}"}).write("sv", now)
        for number in range(claims.MOST_TO_A_DOMAIN + 1)
    ]
    for letter in others:
        set_claim(letter, AWAY)
    looked, wait = [], outbox.wait_for_claimed
    monkeypatch.setattr(outbox, "wait_for_claimed", lambda *a, **k: looked.append(1) or wait(*a, **k))
    once(now)
    assert len(mail_server.letters) == len(others) + 1
    assert len(looked) <= 3


def test_once_sends_what_was_written_in_its_own_round_after_it_began(once, now, mail_server):
    letter = TRUE_FOR_EVER.write("sv", now + timedelta(seconds=30))
    once(now)
    assert (row(letter).delivery, len(mail_server.letters)) == ("sent", 1)


def test_once_tries_a_letter_that_the_server_does_not_want_once(once, now, mail_server):
    letter, mail_server.plan = TRUE_FOR_EVER.write("sv", now), {"RCPT": ["450 come back"] * 5}
    once(now)
    assert (row(letter).tries, row(letter).next_try_at) == (1, now + timedelta(minutes=1))


def test_what_a_process_delivers_itself_it_never_takes_for_stale(letter, now, monkeypatch):
    monkeypatch.setattr(claims, "LEASE", 0.0)
    me = Claimant()
    assert me.hold(letter)
    mine = me.claim(letter, now=now)
    assert [me.is_claimable(mine) for _ in range(3)] == [False] * 3


def test_what_others_deliver_counts_as_long_as_they_run(letter, now):
    other = Claimant()
    assert other.hold(letter)
    assert other.claim(letter, now=now)
    assert delivered_elsewhere([]) == {"rontgen.example": 1}
    assert delivered_elsewhere([letter.pk]) == {}
    other.release()
    assert delivered_elsewhere([]) == {}

"""The list of what to try next: it may be old, and decides nothing that the rows do not say."""

import re
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from filsluss.letters import candidates, claims, message, outbox
from filsluss.letters.claims import Claimant
from filsluss.letters.delivery import MailConnection
from filsluss.letters.outbox import deliver_next
from filsluss.models import Letter
from filsluss.models.letter_queries import PAGE
from filsluss.rules.directions import Direction, Role
from filsluss.rules.lifecycle import State
from tests.database.test_plans import plan_of, statements
from tests.letters.cases import Case, example_policy
from tests.letters.test_connections import _copy, queue

pytestmark = pytest.mark.django_db
POLICY = example_policy()
FOR_EVER = 1e9


@pytest.fixture
def old_lists(monkeypatch):
    """A list is read anew only when nothing in it can be tried."""
    monkeypatch.setattr(candidates, "FRESH", FOR_EVER)


def deliver(me, now):
    return deliver_next(me, policy=POLICY, now=now)


def deliver_all(me, now):
    return sum(iter(lambda: deliver(me, now), False))


def readers(mail_server):
    return [letter.to[0] for letter in mail_server.letters]


def addresses(count):
    return [f"bo{number}@x{number}.example" for number in range(count)]


def test_a_letter_that_was_withdrawn_since_the_list_was_read_is_not_sent(now, mail_server, old_lists):
    me, letters = Claimant(), queue(now, *addresses(3))
    assert deliver(me, now)
    Letter.objects.filter(pk=letters[1].pk).update(delivery="withdrawn")
    assert deliver_all(me, now) == 1
    assert readers(mail_server) == [letters[0].to, letters[2].to]
    assert Letter.objects.get(pk=letters[1].pk).tries == 0


def test_a_letter_that_time_made_untrue_since_the_list_was_read_is_not_sent(now, mail_server, old_lists):
    """Also a process that slept meanwhile, whose monotonic clock slept too, sends nothing untrue."""
    pending = {"state": State.PENDING, "public_id": "K7PM-4QXE"}
    case = Case("approval-requested", Role.APPROVER, "", Direction.THROUGH, transfer=pending)
    request, me = case.write("sv", now), Claimant()
    lapse_by = request.cases.get().transfer.lapse_by
    (before,) = queue(now - timedelta(hours=1), "bo@x.example")
    Letter.objects.filter(pk=before.pk).update(priority=0)
    assert deliver(me, lapse_by - timedelta(seconds=1))
    assert [letter.pk for letter in me.candidates._letters] == [request.pk]
    assert not deliver(me, lapse_by + timedelta(seconds=1))
    assert readers(mail_server) == ["bo@x.example"]
    request.refresh_from_db()
    assert (request.delivery, request.tries) == ("queued", 0)


@pytest.mark.parametrize("moment", [-1, 0], ids=["a second before", "at the end"])
def test_a_letter_about_an_account_is_sent_only_while_it_is_open(now, mail_server, old_lists, moment):
    """The list was read before, so that it is the claim which asks."""
    case = Case("file-ready", Role.RECIPIENT, file={}, transfer={"public_id": "K7PM-4QXE"})
    ready, me = case.write("sv", now), Claimant()
    (before,) = queue(now - timedelta(hours=1), "bo@x.example")
    Letter.objects.filter(pk=before.pk).update(priority=0)
    assert deliver(me, now)
    assert [letter.pk for letter in me.candidates._letters] == [ready.pk]
    end = ready.cases.get().transfer.open_until
    assert deliver(me, end + timedelta(seconds=moment)) is (moment < 0)
    assert len(mail_server.letters) == (2 if moment < 0 else 1)


def test_a_letter_has_the_text_that_its_row_has_when_it_is_claimed(now, mail_server, old_lists):
    me, (_, second) = Claimant(), queue(now, *addresses(2))
    assert deliver(me, now)
    second.text = "Skrivet senare."
    second.save(update_fields=["text"])
    assert deliver(me, now)
    assert mail_server.letters[1].text.strip() == "Skrivet senare."


def test_a_letter_that_another_process_claimed_since_the_list_was_read_is_passed_over(
    now, mail_server, old_lists
):
    me, other, letters = Claimant(), Claimant(), queue(now, *addresses(3))
    assert deliver(me, now)
    theirs = outbox.claim(other, now=now)
    assert theirs.pk == letters[1].pk
    assert deliver_all(me, now) == 1
    assert readers(mail_server) == [letters[0].to, letters[2].to]
    outbox.deliver(theirs, policy=POLICY, now=now)
    assert Letter.objects.queued().count() == 0
    other.release()


def test_what_goes_first_and_was_queued_later_waits_for_no_more_than_a_fresh_list(
    now, mail_server, monkeypatch
):
    me, letters = Claimant(), queue(now, *addresses(5))
    monkeypatch.setattr(candidates, "FRESH", 0.0)
    assert deliver(me, now)
    _copy(letters[0], "karin@ltdalarna.se", 99, priority=0)
    assert deliver_all(me, now) == 5
    assert readers(mail_server)[:2] == [letters[0].to, "karin@ltdalarna.se"]


def test_what_is_queued_when_the_list_is_empty_is_found_at_once(now, mail_server, old_lists):
    me = Claimant()
    assert not deliver(me, now)
    queue(now, "bo@x.example")
    assert (deliver(me, now), deliver(me, now)) == (True, False)


def test_more_letters_to_a_full_domain_than_the_list_holds_keep_no_other_waiting(now, mail_server, old_lists):
    queue(now, *(f"bo{number}@x.example" for number in range(PAGE + 5)), "eva@y.example", "li@z.example")
    me = Claimant()
    held = [outbox.claim(me, now=now) for _ in range(claims.MOST_TO_A_DOMAIN)]
    assert {letter.domain for letter in held} == {"x.example"}
    others = [outbox.claim(me, now=now) for _ in range(3)]
    assert [letter and letter.to for letter in others] == ["eva@y.example", "li@z.example", None]
    for letter in (*held, *others[:2]):
        outbox.deliver(letter, policy=POLICY, now=now)
        me.let_go(letter)
    assert deliver_all(me, now) == PAGE + 5 - len(held)
    assert (len(mail_server.letters), len(set(readers(mail_server)))) == (PAGE + 7, PAGE + 7)


def test_more_claims_of_others_than_the_list_holds_keep_no_letter_waiting(now, mail_server):
    letters = queue(now, *addresses(PAGE + 3))
    Letter.objects.filter(pk__in=[letter.pk for letter in letters[: PAGE + 1]]).update(
        claimed_by="another boot/1/9f3a.00", claim_count=1, tries=1
    )
    assert deliver_all(Claimant(), now) == 2
    assert readers(mail_server) == [letter.to for letter in letters[-2:]]


def test_all_that_a_killed_process_had_claimed_is_delivered_at_once_and_what_it_had_listed_too(
    now, mail_server
):
    queue(now, *addresses(6))
    killed, me = Claimant(), Claimant()
    assert all(outbox.claim(killed, now=now) for _ in range(4))
    assert deliver_all(me, now) == 2
    killed.release()
    assert deliver_all(me, now) == 4
    assert sorted(readers(mail_server)) == addresses(6)
    assert sorted(Letter.objects.filter(delivery="sent").values_list("tries", flat=True)[1:]) == [
        1,
        1,
        2,
        2,
        2,
        2,
    ]


def test_a_letter_whose_claim_failed_with_the_database_is_held_no_longer(now, mail_server, monkeypatch):
    me, (letter,) = Claimant(), queue(now, "bo@x.example")

    def away(*_, **__):
        raise OperationalError("away")

    with monkeypatch.context() as broken:
        broken.setattr(claims, "claim_as_read", away)
        with pytest.raises(OperationalError):
            deliver(me, now)
    assert me.held_letters() == []
    assert (deliver(me, now), readers(mail_server)) == (True, [letter.to])


@pytest.mark.parametrize(("module", "asking"), [(message, "cases_of"), (outbox, "holds")])
def test_a_letter_waits_while_the_database_is_away_and_is_not_given_up(now, monkeypatch, module, asking):
    me, (letter,) = Claimant(), queue(now, "bo@x.example")

    def away(*_, **__):
        raise OperationalError("away")

    monkeypatch.setattr(module, asking, away)
    with pytest.raises(OperationalError):
        deliver(me, now)
    letter.refresh_from_db()
    assert (letter.delivery, letter.last_error, me.held_letters()) == ("queued", "", [])


@pytest.mark.skipif(connection.vendor == "sqlite", reason="PostgreSQL plans by how large the indexes are")
def test_a_letter_that_is_claimed_is_found_by_its_number_however_many_are_queued(now, mail_server):
    """PostgreSQL takes the index of all that are queued, where it may, while it is the smaller one."""
    queue(now, *addresses(300))
    with statements() as made:
        assert deliver(Claimant(), now)
    of_one = [each for each in made if '"filsluss_letter"."id" = ' in each[0]]
    plans = ["\n".join(plan_of(*each)) for each in of_one]
    assert len(plans) >= 3
    assert [plan for plan in plans if not re.search("filsluss_letter_pkey", plan)] == []


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_lists_of_their_own_deliver_each_letter_once(now, mail_server):
    queue(now, *(f"bo{number}@x{number % 20}.example" for number in range(80)))
    workers = [Claimant(), Claimant()]

    def work(me):
        mail = MailConnection()
        while deliver_next(me, mail=mail, policy=POLICY, now=now):
            pass
        connection.close()

    threads = [threading.Thread(target=work, args=(me,)) for me in workers for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    deliver_all(workers[0], now)  # a domain may have been full when the last thread looked
    assert (len(mail_server.letters), len(set(readers(mail_server)))) == (80, 80)
    assert set(Letter.objects.filter(key__startswith="copy").values_list("tries", flat=True)) == {1}

"""A mail server that refuses us: no letter is lost by it, and whoever can mend it hears of it at once."""

from datetime import timedelta

import pytest

from filsluss.actions import alarms
from filsluss.letters.claims import Claimant
from filsluss.letters.outbox import deliver_next
from filsluss.models import Alarm, Letter
from filsluss.rules.directions import Direction, Role
from filsluss.rules.lifecycle import State
from tests.letters.cases import ANNA, BO, EVA, KARIN, Case, example_policy
from tests.parts.services import services_for

pytestmark = pytest.mark.django_db
ADMIN = "drift@ltdalarna.se"
POLICY = example_policy(admin_emails=(ADMIN,))
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PENDING = {"state": State.PENDING, "decided_at": None, "open_until": None}
REQUEST = Case("approval-requested", Role.APPROVER, direction=Direction.THROUGH, transfer=PENDING)
READY = Case(
    "file-ready", Role.RECIPIENT, direction=Direction.THROUGH, transfer={"public_id": "K7PM-4QX2"}, file={}
)
REFUSES_US = [
    "504 5.5.2 <a1b2c3>: Helo command rejected: need fully-qualified hostname",
    "554 5.7.1 <karin.lund@ltdalarna.se>: Relay access denied",
    "553 5.7.1 <filsluss@ltdalarna.se>: Sender address rejected: not owned by user fts",
    "550 5.7.26 This mail is unauthenticated",
    "554 5.7.1 <unknown[203.0.113.9]>: Client host rejected: Access denied",
    "554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using zen.spamhaus.org",
    "550 relay not permitted",
]
POLICY_NO = "550 5.7.1 Access denied by policy of mail03.intern.example"


def round_at(now):
    me = Claimant()
    return sum(iter(lambda: deliver_next(me, policy=POLICY, now=now), False))


def row(letter):
    letter.refresh_from_db()
    return letter


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("verb", ["RCPT", "."])
@pytest.mark.parametrize("answer", REFUSES_US)
def test_a_relay_that_refuses_us_loses_no_letter_and_raises_the_alarm_at_once(now, mail_server, answer, verb):
    letters = [REQUEST.write("sv", now), READY.write("sv", now)]
    mail_server.plan = {verb: [answer] * 50}
    assert round_at(now) == 3  # the third tells of the alarm
    assert [(row(letter).delivery, bool(letter.text), letter.failure) for letter in letters] == [
        ("queued", True, "us")
    ] * 2
    assert Letter.objects.filter(kind="undelivered").count() == 0
    assert [alarm.name for alarm in alarms.active_alarms()] == ["letters"]
    assert Letter.objects.get(kind="alarm").to == ADMIN
    mail_server.plan = {}
    round_at(now + MINUTE)
    kinds = sorted(letter.kind for letter in mail_server.letters)
    assert kinds == ["alarm", "approval-requested", "file-ready"]
    assert "nekar mejlservern mejl för tjänstens skull" in mail_server.one("alarm").text
    assert [row(letter).delivery for letter in letters] == ["sent", "sent"]


def test_the_alarm_lasts_while_a_letter_waits_for_what_is_about_us(store, now, mail_server):
    REQUEST.write("sv", now)
    mail_server.refuse[KARIN] = REFUSES_US[1]
    round_at(now)
    for later in (MINUTE, 5 * MINUTE):
        alarms.check_all(services=services_for(POLICY, store), clock_trouble="", now=now + later)
        assert [(alarm.name, alarm.value, alarm.limit) for alarm in alarms.active_alarms()] == [
            ("letters", "1", "")
        ]
    mail_server.refuse = {}
    round_at(now + 6 * MINUTE)
    alarms.check_all(services=services_for(POLICY, store), clock_trouble="", now=now + 6 * MINUTE)
    assert alarms.active_alarms() == []


def test_a_policy_of_one_domain_is_about_its_reader(now, mail_server):
    request, ready = REQUEST.write("sv", now), READY.write("sv", now)
    mail_server.refuse[EVA] = POLICY_NO
    round_at(now)
    assert (row(ready).delivery, ready.failure, row(request).delivery) == ("given_up", "refused", "sent")
    notice = mail_server.one("undelivered")
    assert (notice.to, "mail03" in notice.text + notice.html, "5.7.1" in notice.text) == ([BO], False, False)
    assert not Alarm.objects.filter(since__isnull=False).exists()


def test_the_same_answer_of_two_domains_is_about_us_and_the_first_letter_is_taken_back(now, mail_server):
    """All that the relay is given it refuses: the letter, the notice about it, and what comes later."""
    ready = READY.write("sv", now)
    mail_server.plan = {"RCPT": [POLICY_NO] * 50}
    round_at(now)
    assert (row(ready).delivery, ready.failure, bool(ready.text)) == ("queued", "us", True)
    assert not Letter.objects.filter(kind="undelivered").exists()
    mail_server.plan = {}
    round_at(now + 5 * MINUTE)
    assert sorted(letter.kind for letter in mail_server.letters) == ["alarm", "file-ready"]
    assert row(ready).delivery == "sent"


def test_what_is_no_longer_true_is_not_taken_back(now, mail_server):
    ready = READY.write("sv", now)
    mail_server.refuse = {EVA: POLICY_NO}
    round_at(now)
    ready.cases.get().transfer.files.update(state="erasing")
    REQUEST.write("sv", now)
    mail_server.refuse = {KARIN: POLICY_NO}
    round_at(now)
    assert row(ready).delivery == "given_up"


def test_the_same_answer_an_hour_later_is_another_matter(now, mail_server):
    ready = READY.write("sv", now)
    mail_server.refuse = {EVA: POLICY_NO, KARIN: POLICY_NO}
    round_at(now)
    request = REQUEST.write("sv", now + HOUR)
    round_at(now + HOUR)
    assert [row(letter).delivery for letter in (ready, request)] == ["given_up", "given_up"]


def test_a_full_mailbox_is_tried_for_five_days_and_then_said_to_be_full(now, mail_server):
    ready = READY.write("sv", now)
    mail_server.refuse[EVA] = "552 5.2.2 mailbox full"
    round_at(now)
    assert (row(ready).delivery, ready.failure) == ("queued", "full")
    round_at(now + timedelta(days=5))
    assert (row(ready).delivery, ready.failure) == ("given_up", "full")
    assert not Alarm.objects.filter(name="letters", since__isnull=False).exists()


def test_a_letter_of_a_case_that_is_over_keeps_no_text_when_it_is_given_up(now, mail_server):
    closed = {"state": State.CLOSED, "erased_at": now}
    letter = Case("erased", Role.SENDER, transfer=closed).write("sv", now)
    mail_server.refuse[BO] = "550 5.1.1 no such user"
    round_at(now)
    assert (row(letter).delivery, letter.text, letter.html) == ("given_up", "", "")


def test_no_letter_repeats_a_word_of_the_mail_server(now, mail_server):
    REQUEST.write("sv", now)
    mail_server.refuse[KARIN] = "550 5.1.1 <karin.lund@ltdalarna.se> unknown in mail03.intern.ltdalarna.se"
    round_at(now)
    notice = mail_server.one("undelivered")
    assert [word for word in ("mail03", "550", "intern", "5.1.1") if word in notice.text + notice.html] == []
    assert ANNA not in notice.text

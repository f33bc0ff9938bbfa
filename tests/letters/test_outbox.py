"""Delivery to a real mail server: tried again, or given up and reported, and never sent twice."""

from datetime import timedelta

import pytest

from filsluss.actions.transitions import RULE, advance
from filsluss.letters import delivery, outbox
from filsluss.letters.claims import Claimant
from filsluss.letters.feedback import write_accessibility_feedback
from filsluss.letters.outbox import deliver_next
from filsluss.models import Letter, LetterCase, Transfer
from filsluss.rules.directions import Direction, Role
from filsluss.rules.lifecycle import LAPSED, State
from tests.letters.cases import ANNA, BO, CODE, KARIN, Case, example_policy, make_transfer
from tests.parts.services import services_for

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
REQUEST = Case("approval-requested", Role.APPROVER, direction=Direction.THROUGH)
READY = Case("file-ready", Role.RECIPIENT, file={"with_code": True}, codes={9: CODE})


def round_at(now):
    """Delivers all that is due at this moment, as a worker does; returns how many letters that were."""
    me = Claimant()
    return sum(iter(lambda: deliver_next(me, policy=example_policy(), now=now), False))


def row(letter):
    letter.refresh_from_db()
    return letter


def keeps_nothing(letter):
    row(letter)
    return (letter.subject, letter.text, letter.html) == ("", "", "")


def headers_of(received):
    """Every header, but for what each letter has of its own."""
    own = ("Message-ID", "Content-Type")
    return [(name, str(value)) for name, value in received.message.items() if name not in own]


def test_a_letter_that_is_taken_is_sent_once_and_its_row_keeps_no_word_of_it(now, mail_server):
    letter = READY.write("sv", now)
    assert (round_at(now), round_at(now + 99 * HOUR)) == (1, 0)
    assert (mail_server.one("file-ready").to, mail_server.one("file-ready").sender) == (
        [ANNA],
        "filsluss@ltdalarna.se",
    )
    assert (row(letter).delivery, letter.sent_at, keeps_nothing(letter)) == ("sent", now, True)


def test_while_the_server_is_down_the_pauses_grow_and_after_five_days_it_is_given_up(now, mail_server):
    letter, at, pauses = REQUEST.write("sv", now), now, []
    mail_server.stop()
    while row(letter).delivery == "queued":
        at = letter.next_try_at
        round_at(at)
        pauses.append(row(letter).next_try_at - at)
    notice = Letter.objects.get(kind="undelivered")
    hours = (timedelta(days=5) - 81 * MINUTE) // (3 * HOUR)
    last = timedelta(days=5) - 81 * MINUTE - hours * 3 * HOUR
    growing = [MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE, *[3 * HOUR] * hours, last, timedelta(0)]
    assert (pauses, at) == (growing, now + timedelta(days=5))
    assert (row(letter).delivery, letter.given_up_at, keeps_nothing(letter)) == ("given_up", at, False)
    assert (notice.to, "i fem dagar" in notice.text, KARIN in notice.text) == (BO, True, True)


LATER = {
    "greylisted": {"RCPT": ["450 4.2.0 come back"]},
    "busy": {"MAIL": ["421 4.3.2 too busy"]},
    "who are you": {"MAIL": ["550 5.7.1 not from you"]},
    "sign in": {"MAIL": ["530 5.7.0 sign in first"]},
    "not the data": {"DATA": ["451 4.3.0 not now"]},
    "not the letter": {".": ["452 4.3.1 no room"]},
    "cut at mail": {"MAIL": ["drop"]},
    "cut at the address": {"RCPT": ["drop"]},
    "cut in the letter": {"DATA": ["drop"]},
    "cut at the dot": {".": ["drop"]},
}


@pytest.mark.parametrize("plan", LATER.values(), ids=LATER.keys())
def test_whatever_may_pass_is_tried_again_with_the_same_message_id(now, mail_server, plan):
    letter, mail_server.plan = REQUEST.write("sv", now), {word: [*said, *said] for word, said in plan.items()}
    for at in (now, now + MINUTE, now + 6 * MINUTE):
        assert (len(mail_server.letters), round_at(at)) == (0, 1)
    assert mail_server.one("approval-requested").message["Message-ID"] == row(letter).message_id
    assert (letter.delivery, letter.tries, letter.sent_at) == ("sent", 3, now + 6 * MINUTE)
    assert round_at(now + timedelta(days=6)) == 0


@pytest.mark.parametrize("word", ["MAIL", "RCPT", "DATA", "."])
def test_a_server_that_says_nothing_is_left_and_tried_again(now, mail_server, monkeypatch, word):
    monkeypatch.setattr(delivery, "REPLY_TIMEOUT", 0.5)
    letter, mail_server.plan = REQUEST.write("sv", now), {word: ["stall"]}
    assert (round_at(now), round_at(now + MINUTE)) == (1, 1)
    assert (len(mail_server.of("approval-requested")), row(letter).tries) == (1, 2)


def test_a_server_that_takes_its_time_after_the_dot_gets_the_letter_once(now, mail_server, settings):
    """It may be scanning for viruses; a client that disconnects now sends every letter twice."""
    settings.EMAIL_TIMEOUT = 1
    REQUEST.write("sv", now)
    mail_server.slow = 2.5
    assert (round_at(now), round_at(now + HOUR)) == (1, 0)
    assert len(mail_server.letters) == 1


def test_an_answer_that_is_lost_brings_a_second_copy_that_readers_know_for_the_same(now, mail_server):
    REQUEST.write("sv", now)
    mail_server.plan = {".": ["lose"]}
    assert (round_at(now), round_at(now + MINUTE), round_at(now + HOUR)) == (1, 1, 0)
    first, second = mail_server.letters
    assert headers_of(first) == headers_of(second)
    assert (first.message["Message-ID"], first.text) == (second.message["Message-ID"], second.text)


@pytest.mark.parametrize("word", ["RCPT", "DATA", "."])
def test_a_final_no_is_final_and_the_sender_hears_of_it_once(now, mail_server, word):
    letter, mail_server.plan = (
        REQUEST.write("sv", now),
        {word: ["550 5.1.1 no such user, see https://evil.com"]},
    )
    assert round_at(now) == 2
    notice = mail_server.one()
    assert (notice.kind, notice.to) == ("undelivered", [BO])
    words = str(notice.message) + notice.text + notice.html
    assert (KARIN in words, "such user" in words, "550 5" in words, "evil" in words) == (True, *[False] * 3)
    assert (row(letter).delivery, letter.tries, keeps_nothing(letter)) == ("given_up", 1, False)
    assert round_at(now + timedelta(days=6)) == 0


def test_a_letter_that_was_given_up_keeps_its_text_until_its_case_is_over(now, mail_server):
    pending = {"state": State.PENDING}
    letter = Case("approval-requested", Role.APPROVER, "", Direction.THROUGH, transfer=pending).write(
        "sv", now
    )
    mail_server.refuse[KARIN] = "550 5.1.1 no such user"
    round_at(now)
    assert (row(letter).delivery, keeps_nothing(letter), "https://" in letter.text) == (
        "given_up",
        False,
        True,
    )
    transfer = letter.cases.get().transfer
    advance(
        transfer, LAPSED, cause=RULE, services=services_for(example_policy()), now=now + timedelta(days=7)
    )
    letter.refresh_from_db()
    assert keeps_nothing(letter)


def test_a_letter_about_two_cases_keeps_its_text_until_both_are_over(now):
    letter = REQUEST.write("sv", now)
    first, second = letter.cases.get().transfer, make_transfer(now, public_id="K7PM-2222")
    LetterCase.objects.create(letter=letter, transfer=second, party=second.sender)
    Letter.objects.update(delivery="given_up")
    kept = []
    for transfer in (first, second):
        Transfer.objects.filter(pk=transfer.pk).update(state=State.CLOSED)
        outbox.forget_texts([transfer])
        kept.append(not keeps_nothing(letter))
    assert kept == [True, False]


def test_a_notice_that_was_given_up_keeps_nothing_as_no_case_of_it_lives(now, mail_server):
    write_accessibility_feedback("Går inte att läsa", reply_to="", policy=example_policy(), now=now)
    mail_server.refuse["support@ltdalarna.se"] = "550 5.1.1 no such user"
    round_at(now)
    letter = Letter.objects.get()
    assert (letter.delivery, keeps_nothing(letter)) == ("given_up", True)


def test_a_reminder_to_an_address_that_was_refused_before_is_not_told_of_again(now, mail_server):
    transfer = REQUEST.write("sv", now).cases.get().transfer
    mail_server.refuse[KARIN] = "550 5.1.1 no such user"
    round_at(now)
    outbox.compose.write(
        "approval-reminder", transfer=transfer, role=Role.APPROVER, policy=example_policy(), now=now
    )
    assert round_at(now) == 1
    assert len(mail_server.of("undelivered")) == 1


@pytest.mark.parametrize(
    "case", [Case("approved", Role.SENDER), Case("expiry-reminder", Role.SENDER, files=({},))]
)
def test_a_sender_whose_own_mailbox_refuses_is_told_nothing_by_mail(now, mail_server, case):
    letter = case.write("sv", now)
    mail_server.refuse[BO] = "550 5.1.1 no such user"
    assert (round_at(now), mail_server.letters, row(letter).delivery) == (1, [], "given_up")


def test_a_letter_that_is_withdrawn_keeps_nothing_and_is_never_sent(now, mail_server):
    letter = REQUEST.write("sv", now)
    kinds = ("approval-requested",)
    assert outbox.withdraw_unsent(transfer=letter.cases.get().transfer, kinds=kinds, now=now) == 1
    assert (round_at(now + HOUR), mail_server.letters) == (0, [])
    assert (row(letter).delivery, keeps_nothing(letter)) == ("withdrawn", True)


def test_one_letter_that_cannot_be_written_out_keeps_no_other_waiting(now, mail_server):
    poison = Case("file-ready", Role.RECIPIENT, file={}).write("sv", now)
    Letter.objects.filter(pk=poison.pk).update(to="bo@rontgen.example\r\nBcc: eva@konsult.example")
    transfer = poison.cases.get().transfer
    for role in Role:
        outbox.compose.write("erased", transfer=transfer, role=role, policy=example_policy(), now=now)
    assert round_at(now) == 5
    assert row(poison).delivery == "given_up"
    assert sorted(letter.kind for letter in mail_server.letters) == [
        "erased",
        "erased",
        "erased",
        "undelivered",
    ]


@pytest.mark.parametrize("code", ["450 4.1.1", "550 5.1.1"])
def test_the_log_holds_no_address_that_a_mail_server_repeats(now, mail_server, caplog, code):
    letter = READY.write("sv", now)
    mail_server.refuse[ANNA] = f"{code} <{ANNA}>: user {ANNA} is unknown"
    round_at(now)
    assert ANNA in row(letter).last_error
    assert f"{code} <***>: user *** is unknown" in caplog.text
    assert ANNA not in caplog.text


def test_a_letter_does_not_wait_for_days_because_the_clock_was_ahead(now, mail_server):
    letter, ahead = READY.write("sv", now), timedelta(days=3)
    mail_server.refuse[ANNA] = "450 4.2.0 later"
    round_at(now + ahead)
    assert row(letter).next_try_at > now + ahead
    mail_server.refuse = {}
    assert (round_at(now), row(letter).delivery) == (1, "sent")


def test_a_letter_that_waited_for_days_while_the_service_was_off_is_tried_more_than_once(now, mail_server):
    letter, back = READY.write("sv", now), now + timedelta(days=6)
    type(letter.cases.get().transfer).objects.update(open_until=now + timedelta(days=9))
    mail_server.plan = {"RCPT": ["450 4.2.0 Greylisted"]}
    round_at(back)
    assert (row(letter).delivery, letter.next_try_at) == ("queued", back + 15 * MINUTE)
    mail_server.plan = {"RCPT": ["450 4.2.0 Greylisted"]}
    round_at(back + 15 * MINUTE)
    assert row(letter).delivery == "given_up"

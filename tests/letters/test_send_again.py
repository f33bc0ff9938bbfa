"""A letter that was given up is sent again: once, if it is still true, and by a person who is named."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from filsluss.actions import alarms
from filsluss.actions.integrity.findings import World
from filsluss.actions.integrity.repair import verify_world
from filsluss.actions.send_again import NotSentAgain, send_again
from filsluss.actions.transitions import RULE, Cause, advance
from filsluss.letters.claims import Claimant
from filsluss.letters.outbox import deliver_next
from filsluss.models import AuditEntry, Letter, LetterCase, Pickup
from filsluss.models.letter import BLANK
from filsluss.rules.directions import Direction, Role
from filsluss.rules.lifecycle import LAPSED, FileState, State
from tests.letters.cases import BO, CODE, EVA, KARIN, Case, example_policy
from tests.parts.services import services_for

pytestmark = pytest.mark.django_db
POLICY = example_policy()
HOUR = timedelta(hours=1)
BY = Cause("administrator", "user:7")
PENDING = {"state": State.PENDING, "decided_at": None, "open_until": None}
REQUEST = Case("approval-requested", Role.APPROVER, direction=Direction.THROUGH, transfer=PENDING)
READY = Case(
    "file-ready", Role.RECIPIENT, direction=Direction.THROUGH, file={"with_code": True}, codes={9: CODE}
)


def round_at(now):
    me = Claimant()
    return sum(iter(lambda: deliver_next(me, policy=POLICY, now=now), False))


def given_up(case, now, mail_server):
    letter = case.write("sv", now)
    mail_server.refuse = dict.fromkeys((KARIN, EVA, BO), "550 5.1.1 no such user")
    round_at(now)
    mail_server.refuse = {}
    letter.refresh_from_db()
    assert letter.delivery == "given_up"
    return letter


def again(letter, now, by=BY, policy=POLICY):
    return send_again(letter, by=by, services=services_for(policy), now=now)


def why_not(letter, now, policy=POLICY):
    with pytest.raises(NotSentAgain) as refused:
        again(letter, now, policy=policy)
    assert not letter.again.exists()
    return refused.value.code


@pytest.mark.parametrize("case", [REQUEST, READY], ids=lambda case: case.kind)
def test_it_comes_once_with_the_same_links_however_often_it_is_pressed(now, mail_server, case):
    letter = given_up(case, now, mail_server)
    mail_server.letters.clear()
    first = again(letter, now + HOUR)
    assert (first.again_of, again(letter, now + HOUR), again(first, now + HOUR)) == (letter, first, first)
    assert round_at(now + HOUR) == 1
    assert (again(letter, now + 2 * HOUR), round_at(now + 2 * HOUR)) == (first, 0)
    received = mail_server.one(case.kind)
    assert (received.to, received.text.split()) == ([letter.to], letter.text.split())
    assert received.message["Message-ID"] not in ("", letter.message_id)
    assert received.transfer == "K7PM-4QXD"


def test_the_trail_says_who_did_it_and_which_kind_of_letter(now, mail_server):
    letter = given_up(READY, now, mail_server)
    again(letter, now + HOUR)
    again(letter, now + HOUR)
    entry = AuditEntry.objects.get(step="letter-sent-again")
    assert (entry.role, entry.person, entry.reason_code) == ("administrator", "user:7", "file-ready")
    assert (entry.transfer_public_id, entry.file_public_id) == ("K7PM-4QXD", "FFFF-2229")


def test_one_that_is_given_up_once_more_can_be_sent_once_more(now, mail_server):
    letter = given_up(READY, now, mail_server)
    second = again(letter, now)
    mail_server.refuse[EVA] = "550 5.1.1 no such user"
    round_at(now)
    third = again(letter, now)
    assert (third.again_of, third.delivery) == (second, "queued")
    mail_server.refuse = {}
    assert round_at(now) == 1


def test_rows_agree_after_it(now, mail_server, store):
    letter = given_up(READY, now, mail_server)
    before = {str(finding) for finding in verify_world(World(services_for(POLICY, store), now))}
    again(letter, now)
    round_at(now)
    assert {str(finding) for finding in verify_world(World(services_for(POLICY, store), now))} <= before
    assert letter.again.get().text == ""


def test_the_alarm_no_longer_counts_a_letter_that_was_sent_again(now, mail_server, store):
    letter = given_up(Case("rejected", Role.SENDER), now, mail_server)
    alarms.check_letters(services=services_for(POLICY), now=now)
    assert [alarm.name for alarm in alarms.active_alarms()] == ["given-up"]
    again(letter, now)
    alarms.check_letters(services=services_for(POLICY), now=now)
    assert alarms.active_alarms() == []


def test_what_is_no_longer_true_is_not_sent(now, mail_server):
    letter = given_up(READY, now, mail_server)
    transfer = letter.cases.get().transfer
    assert why_not(letter, transfer.open_until) == "untrue"
    transfer.files.update(state=FileState.ERASING)
    assert why_not(letter, now) == "untrue"


def test_a_request_that_was_decided_or_has_lapsed_is_not_sent(now, mail_server):
    letter = given_up(REQUEST, now, mail_server)
    transfer = letter.cases.get().transfer
    assert why_not(letter, transfer.lapse_by) == "untrue"
    advance(transfer, LAPSED, cause=RULE, services=services_for(POLICY), now=now)
    assert why_not(letter, now) == "untrue"


@pytest.mark.parametrize("delivery", ["queued", "sent", "withdrawn"])
def test_only_what_was_given_up_is_sent_again(now, delivery):
    letter = READY.write("sv", now)
    Letter.objects.update(delivery=delivery)
    assert why_not(letter, now) == ("untrue" if delivery == "withdrawn" else "not-given-up")


REWRITTEN = [
    REQUEST,
    Case("file-ready", Role.RECIPIENT, file={}),
    Case("approved", Role.SENDER),
    Case("received", Role.SENDER, transfer=PENDING),
    Case("rejected", Role.SENDER, transfer={"state": State.REJECTED, "rejection_reason": "Fel fil."}),
    Case("lapsed", Role.SENDER, transfer={"state": State.LAPSED}),
    Case("file-removed", Role.SENDER, file={"removed_by": "sender"}),
    Case("expiry-reminder", Role.SENDER, files=({}, {})),
]


@pytest.mark.parametrize("case", REWRITTEN, ids=lambda case: case.kind)
def test_a_letter_without_text_is_written_anew_with_the_same_links(now, mail_server, case):
    letter = case.write("sv", now)
    Letter.objects.update(delivery="given_up", given_up_at=now, **BLANK)
    new = again(letter, now)
    assert (new.subject, links(new), new.to) == (letter.subject, links(letter), letter.to)
    assert round_at(now) == 1


def test_a_letter_that_is_written_anew_has_its_code(now):
    letter = READY.write("sv", now)
    Letter.objects.update(delivery="given_up", given_up_at=now, **BLANK)
    Pickup.objects.update(code_sealed=CODE.replace("-", ""))
    assert CODE in again(letter, now).text


def links(letter):
    return {word for word in letter.text.split() if word.startswith("https://")}


def test_a_letter_whose_link_is_lost_is_not_sent_and_says_so(now):
    letter = READY.write("sv", now)
    Letter.objects.update(delivery="given_up", given_up_at=now, **BLANK)
    assert why_not(letter, now, policy=example_policy(link_keys=(b"another key",))) == "lost"


@pytest.mark.parametrize("kind", ["undelivered", "erased"])
def test_a_letter_of_which_the_rows_no_longer_know_enough_is_not_sent(now, kind):
    letter = Case("approved", Role.SENDER).write("sv", now)
    Letter.objects.update(kind=kind, delivery="given_up", given_up_at=now, **BLANK)
    letter.refresh_from_db()
    assert why_not(letter, now) == "lost"


def test_a_letter_about_many_files_names_those_that_are_left(now):
    case = Case("files-ready", Role.RECIPIENT, files=({}, {}))
    letter = case.write("sv", now)
    one = letter.cases.get()
    files = list(one.transfer.files.order_by("public_id"))
    LetterCase.objects.filter(pk=one.pk).update(file=files[0])
    LetterCase.objects.create(letter=letter, transfer=one.transfer, party=one.party, file=files[1])
    Letter.objects.update(delivery="given_up", given_up_at=now)
    one.transfer.files.filter(pk=files[0].pk).update(state=FileState.ERASING)
    new = again(letter, now)
    assert [case.file for case in new.cases.all()] == [files[1]]
    assert (files[0].name in new.text, files[1].name in new.text) == (False, True)


def test_the_command_takes_the_public_id_whatever_it_begins_with(now, mail_server, capsys, settings):
    settings.POLICY = POLICY
    letter = given_up(READY, now, mail_server)
    letter.cases.get().transfer.__class__.objects.update(open_until="2999-01-01T00:00:00Z")
    for public_id in ("-v3abcdefghijklmnopqrs", "--helpabcdefghijklmnop", "_AAAAAAAAAAAAAAAAAAAAA"):
        Letter.objects.filter(pk=letter.pk).update(public_id=public_id)
        call_command("letter", "send-again", public_id)
        assert "file-ready to eva@konsult.example is queued" in capsys.readouterr().out
        Letter.objects.filter(again_of=letter).delete()
    assert AuditEntry.objects.filter(step="letter-sent-again", person__startswith="os:").count() == 3


def test_the_command_says_in_one_line_why_not(now, settings):
    settings.POLICY = POLICY
    letter = READY.write("sv", now)
    for public_id, why in (("x" * 22, "there is no letter"), (letter.public_id, "it was not given up")):
        with pytest.raises(CommandError, match=why):
            call_command("letter", "send-again", public_id)

"""Lost links: one row and one answer for every address, and a letter only to who has a case that lives."""

import re
from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.db import connection

from filsluss.actions import lost_link
from filsluss.actions.limits import LimitReached
from filsluss.actions.lost_link import request_links, send_links
from filsluss.models import Attempt, Letter, LetterCase, LinkRequest, Transfer
from filsluss.models.link import token_of
from filsluss.rules.directions import Direction, Role
from filsluss.rules.lifecycle import State
from filsluss.rules.networks import Client
from filsluss.rules.refusals import FormRefused
from filsluss.rules.tokens import Purpose
from tests.letters.cases import ANNA, BO, EVA, KARIN, example_policy, make_file, make_transfer
from tests.parts.services import services_for

POLICY = example_policy(inside_networks=(ip_network("10.0.0.0/8"),))
AWAY = Client("198.51.100.7", may_be_inside=True)
HOME = Client("10.1.2.3", may_be_inside=True)
HOUR = timedelta(hours=1)
PENDING = {"state": State.PENDING, "decided_at": None, "open_until": None}
pytestmark = pytest.mark.django_db


def ask(address, now, *, client=HOME):
    request_links(address, services=services_for(POLICY), now=now, client=client)


def answered(address, now):
    """The letters that one request leads to."""
    before = set(Letter.objects.values_list("pk", flat=True))
    ask(address, now)
    assert send_links(services=services_for(POLICY), now=now) == 1
    assert not LinkRequest.objects.exists()
    return list(Letter.objects.exclude(pk__in=before).order_by("pk"))


def link_of(transfer, role, purpose, file=None):
    return token_of(transfer.party(role), purpose, POLICY.link_keys, file=file)


def test_every_address_leaves_one_row_with_nothing_readable_in_it(now):
    make_transfer(now)
    for address in (BO, "nobody@rontgen.example"):
        ask(address, now)
    with connection.cursor() as cursor:
        cursor.execute("SELECT address FROM filsluss_linkrequest")
        kept = [row[0] for row in cursor.fetchall()]
    assert len(kept) == 2
    assert [text for text in kept if "@" in text or "rontgen" in text] == []
    assert Letter.objects.count() == 0
    assert send_links(services=services_for(POLICY), now=now) == 2
    assert (LinkRequest.objects.count(), Letter.objects.count()) == (0, 1)


def test_each_gets_the_link_of_what_they_can_do_now(now):
    waiting = make_transfer(now, **PENDING, public_id="AAAA-2222", direction=Direction.THROUGH)
    opened = make_transfer(now, public_id="BBBB-2222", direction=Direction.THROUGH)
    file = make_file(opened, now)
    expected = {
        BO: [
            f"/status/{link_of(waiting, Role.SENDER, Purpose.STATUS_SENDER)}",
            f"/upload/{link_of(opened, Role.SENDER, Purpose.UPLOAD)}",
        ],
        EVA: [f"/download/{link_of(opened, Role.RECIPIENT, Purpose.DOWNLOAD, file)}"],
        KARIN: [
            f"/decide/{link_of(waiting, Role.APPROVER, Purpose.DECIDE)}",
            f"/status/{link_of(opened, Role.APPROVER, Purpose.STATUS_APPROVER)}",
        ],
    }
    for address, links in expected.items():
        (letter,) = answered(address, now)
        assert (letter.kind, letter.to, letter.priority) == ("lost-link", address, 0)
        assert [link for link in links if f"{POLICY.base_url}{link}\n" not in letter.text] == []
        acts = re.findall("/(?:status|upload|download|decide)/", letter.text)
        assert len(acts) == len(links) + 1  # one of them in the other language, too
        assert LetterCase.objects.filter(letter=letter).count() == len(links)


def test_a_recipient_who_approved_gets_the_files_and_no_second_link(now):
    transfer = make_transfer(now)
    (letter,) = answered(ANNA, now)
    assert "/status/" in letter.text
    make_file(transfer, now)
    (letter,) = answered(ANNA, now)
    assert ("/download/" in letter.text, letter.text.count(transfer.public_id)) == (True, 1)


@pytest.mark.parametrize(
    "own",
    [
        {"state": State.CLOSED},
        {"state": State.REJECTED, "open_until": None},
        {"state": State.WITHDRAWN, "open_until": None, "decided_at": None},
        {"state": State.LAPSED, "open_until": None, "decided_at": None},
    ],
    ids=lambda own: str(own["state"]),
)
def test_nobody_gets_a_letter_about_what_is_over(now, own):
    make_transfer(now, **own)
    assert answered(BO, now) == answered(ANNA, now) == answered("nobody@rontgen.example", now) == []


def test_what_the_clock_has_ended_is_over_before_a_job_has_run(now):
    transfer = make_transfer(now)
    assert answered(BO, transfer.open_until) == []
    Transfer.objects.all().delete()
    waiting = make_transfer(now, **PENDING)
    assert answered(BO, waiting.lapse_by) == answered(ANNA, waiting.lapse_by) == []


def test_who_has_not_been_told_of_a_case_does_not_hear_of_it_here(now):
    """Neither a recipient before a file is ready, nor an approver who is on the next list."""
    make_transfer(now, direction=Direction.OUTBOUND)
    assert answered(BO, now) == []
    unasked = {**PENDING, "asked_at": None, "lapse_by": None}
    make_transfer(now, direction=Direction.THROUGH, public_id="CCCC-2222", **unasked)
    assert answered(KARIN, now) == answered(EVA, now) == []


def test_of_very_many_cases_the_newest_are_looked_at(now, monkeypatch):
    monkeypatch.setattr(lost_link, "LOOKED_AT", 1)
    old, new = (
        make_transfer(now, public_id=name, applied_at=now - days * 24 * HOUR)
        for name, days in (("AAAA-2222", 2), ("BBBB-2222", 1))
    )
    (letter,) = answered(BO, now)
    assert (old.public_id in letter.text, new.public_id in letter.text) == (False, True)


def test_a_letter_about_several_cases_counts_once(now):
    for name in ("AAAA-2222", "BBBB-2222", "CCCC-2222"):
        make_transfer(now, public_id=name)
    assert [len(answered(BO, now)) for _ in range(4)] == [1, 1, 1, 0]


def test_a_mailbox_gets_three_in_an_hour_however_its_address_is_spelt(now):
    make_transfer(now)
    spelt = [BO, BO.upper(), BO.replace("@", "+files@"), BO]
    assert [len(answered(address, now)) for address in spelt] == [1, 1, 1, 0]
    assert len(answered(BO, now + HOUR)) == 1


def test_an_address_with_a_tag_gets_only_its_own_links(now):
    """On some servers it is another mailbox."""
    transfer = make_transfer(now)
    sender = transfer.sender
    sender.address = sender.address.replace("@", "+files@")
    sender.save()
    (letter,) = answered(BO, now)
    assert letter.to == "bo+files@rontgen.example"


def test_the_letter_shows_a_stranger_s_words_to_nobody_outside(now):
    make_transfer(now, **PENDING, sender_name="Zebra", proofs={Role.SENDER: "none", Role.APPROVER: "none"})
    (letter,) = answered(BO, now)
    assert [word for word in ("Zebra", ANNA, "Ritningar") if word in letter.text] == []


def test_a_network_asks_five_times_an_hour_and_the_sixth_leaves_nothing(now):
    for number in range(5):
        ask(f"bo{number}@rontgen.example", now, client=AWAY)
    with pytest.raises(LimitReached):
        ask(BO, now, client=AWAY)
    assert (LinkRequest.objects.count(), Attempt.objects.filter(kind="lost-link").count()) == (5, 5)


@pytest.mark.parametrize("typed", ["", "bo", "bo@", "a@b.se, c@d.se", "filsluss@fts.example.se\u200b"])
def test_what_is_no_address_is_refused_and_leaves_nothing(now, typed):
    with pytest.raises(FormRefused):
        ask(typed, now)
    assert not LinkRequest.objects.exists()


def test_a_request_that_no_key_reads_any_more_is_deleted(now):
    make_transfer(now)
    ask(BO, now)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE filsluss_linkrequest SET address = 'fernet1:gAAAAA'")
    assert send_links(services=services_for(POLICY), now=now) == 1
    assert (LinkRequest.objects.count(), Letter.objects.count()) == (0, 0)


def test_the_link_is_the_one_that_earlier_letters_carried(now):
    transfer = make_transfer(now)
    kept = transfer.links.count()
    answered(BO, now)
    assert transfer.links.count() == kept

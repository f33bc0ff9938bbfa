"""The block list: who is on it reaches nobody, learns nothing of it from outside, and is forgotten."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from filsluss.actions.apply import apply
from filsluss.actions.block_list import block, unblock
from filsluss.actions.expiry import forget, lapse_undecided
from filsluss.actions.lost_link import request_links, send_links
from filsluss.actions.oversee import Reason
from filsluss.actions.reminders import remind_approvers
from filsluss.actions.send_again import send_once_more
from filsluss.letters import request_lists
from filsluss.models import Attempt, AuditEntry, Blocked, Letter, Link, Party, SecurityEvent, Transfer
from filsluss.rules.application import Application
from filsluss.rules.blocking import blocking_values, read_block
from filsluss.rules.networks import Client
from filsluss.rules.permissions import StaffRole
from filsluss.rules.refusals import FormRefused
from tests.letters.cases import example_policy
from tests.parts.services import services_for

POLICY = example_policy(inside_networks=(ip_network("10.0.0.0/8"),), support_email="stod@ltdalarna.se")
SERVICES = services_for(POLICY)
HOME = Client("10.1.2.3", may_be_inside=True)
AWAY = Client("198.51.100.7", may_be_inside=True)
BO, ANNA = "bo@rontgen.example", "anna@ltdalarna.se"


def applied(sender, recipient, *, now, client=AWAY, approver=""):
    form = Application(
        sender_name="Bo Ek",
        sender_email=sender,
        recipient_email=recipient,
        approver_email=approver,
        recipient_outside=bool(approver),
        purpose="Offert",
        language="sv",
    )
    return apply(form, services=SERVICES, now=now, client=client)


def blocked(value, *, now, days="30", reason="Skräp"):
    given = Reason(reason, "user:1")
    return block(value, days=days, reason=given, role=StaffRole.SECURITY_OFFICER, services=SERVICES, now=now)


def told(*, but="received"):
    """Who gets which letter."""
    letters = Letter.objects.exclude(delivery="withdrawn").exclude(kind=but)
    return sorted(letters.values_list("kind", "to"))


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("Bo+x@Rontgen.Example", ("address", BO)),
        ("rontgen.example", ("domain", "rontgen.example")),
        (" .Rontgen.example ", ("suffix", ".rontgen.example")),
        ("röntgen.example", ("domain", "xn--rntgen-wxa.example")),
        ("", "block_empty"),
        ("  ", "block_empty"),
        ("bo@", "block_malformed"),
        ("a b.example", "block_malformed"),
        ("x", "block_malformed"),
        ("..example", "block_malformed"),
        ("ltdalarna.se", "block_inside"),
        (".se", "block_malformed"),
        (ANNA, ("address", ANNA)),
    ],
)
def test_what_is_typed_is_read_as_an_address_a_domain_or_a_suffix(typed, read):
    try:
        found = read_block(typed, inside_domains=("ltdalarna.se", ".region.example"))
    except FormRefused as refused:
        found = refused.problems["value"]
    assert found == read


@pytest.mark.parametrize("typed", ["region.example", ".region.example", "a.region.example"])
def test_nobody_blocks_the_own_organisation(typed):
    for inside in (".region.example", "region.example"):
        if typed == "a.region.example" and inside == "region.example":
            continue
        with pytest.raises(FormRefused):
            read_block(typed, inside_domains=(inside,))


def test_an_address_is_met_by_itself_its_domain_and_every_domain_above():
    assert blocking_values("Bo+tag@A.Rontgen.example") == [
        "bo@a.rontgen.example",
        "a.rontgen.example",
        ".a.rontgen.example",
        ".rontgen.example",
        ".example",
    ]


def shape(transfer, now):
    """What is stored of an application, but for what is drawn and who is in it."""
    letters = Letter.objects.about(transfer).order_by("pk")
    transfer.refresh_from_db()
    return {
        "transfer": (transfer.state, transfer.asked_at, transfer.lapse_by, transfer.applied_at),
        "letters": list(letters.values_list("kind", "role")),
        "parties": Party.objects.filter(transfer=transfer).count(),
        "links": Link.objects.filter(party__transfer=transfer).count(),
        "trail": list(AuditEntry.objects.filter(transfer_public_id=transfer.public_id).values_list("step")),
    }


@pytest.mark.django_db
@pytest.mark.parametrize("value", [BO, "rontgen.example", ".rontgen.example"])
def test_from_outside_a_blocked_application_leaves_the_same_rows_and_only_its_sender_is_told(now, value):
    free = shape(applied("ola@fritt.test", ANNA, now=now), now)
    blocked(value, now=now)
    Letter.objects.all().delete()
    transfer = applied("bo+igen@rontgen.example", ANNA, now=now)
    assert shape(transfer, now) == free
    assert (transfer.state, transfer.is_blocked, told()) == ("pending", True, [])
    assert list(Letter.objects.filter(kind="received").values_list("to", "delivery")) == [
        ("bo+igen@rontgen.example", "queued")
    ]
    held = Letter.objects.get(kind="approval-requested")
    assert (held.delivery, held.text, held.html) == ("withdrawn", "", "")
    assert Attempt.objects.count() == 2
    event = SecurityEvent.objects.get(kind="application")
    assert (event.outcome, event.count, event.transfer_public_id) == ("blocked", 1, transfer.public_id)


@pytest.mark.django_db
def test_nothing_later_tells_anybody_else_not_even_the_lapse(now):
    blocked(BO, now=now)
    transfer = applied(BO, ANNA, now=now)
    request_links(ANNA, services=SERVICES, now=now, client=AWAY)
    send_links(services=SERVICES, now=now)
    asked = Letter.objects.get(kind="approval-requested")
    for minutes in (10, 20):
        send_once_more(asked, services=SERVICES, now=now + timedelta(minutes=minutes))
    remind_approvers(services=SERVICES, now=transfer.lapse_by - timedelta(days=1))
    assert told() == []
    lapse_undecided(services=SERVICES, now=transfer.lapse_by)
    transfer.refresh_from_db()
    assert (transfer.state, told()) == ("lapsed", [("lapsed", BO)])


@pytest.mark.django_db
def test_on_a_list_of_requests_it_waits_as_long_and_stands_nowhere(now, monkeypatch):
    services = services_for(replace(POLICY, letters_per_day=1))
    monkeypatch.setattr("tests.actions.test_block_list.SERVICES", services)
    first, second = (applied(f"ola{n}@fritt.test", ANNA, now=now) for n in (1, 2))
    blocked(BO, now=now)
    third = applied(BO, ANNA, now=now)
    assert [each.asked_at is None for each in (first, second, third)] == [False, True, True]
    later = now + timedelta(hours=5)
    request_lists.close_due(policy=services.policy, now=later)
    second.refresh_from_db()
    third.refresh_from_db()
    assert second.lapse_by == third.lapse_by is not None
    listed = Letter.objects.get(kind="approvals-requested", delivery="queued")
    assert (second.public_id in listed.text, third.public_id in listed.text) == (True, False)


@pytest.mark.django_db
def test_a_blocked_recipient_and_a_blocked_approver_are_met_too(now):
    blocked("eva@konsult.test", now=now)
    through = applied("ola@fritt.test", "eva@konsult.test", approver=ANNA, now=now)
    blocked(ANNA, now=now)
    inbound = applied("ola@fritt.test", ANNA, now=now)
    assert (through.is_blocked, inbound.is_blocked, told()) == (True, True, [])


@pytest.mark.django_db
@pytest.mark.parametrize(("value", "field"), [(ANNA, "sender_email"), (BO, "recipient_email")])
def test_whoever_is_known_to_be_inside_reads_that_it_is_blocked(now, value, field):
    blocked(value, now=now)
    with pytest.raises(FormRefused) as refused:
        applied(ANNA, BO, now=now, client=HOME)
    assert refused.value.problems == {field: "address_blocked"}
    assert not Transfer.objects.exists()
    assert SecurityEvent.objects.get(kind="application").transfer_public_id == ""


@pytest.mark.django_db
@pytest.mark.parametrize("value", [ANNA, BO])
def test_an_inside_address_typed_from_elsewhere_reads_it_in_its_mailbox_only(now, value):
    blocked(value, now=now)
    transfer = applied(ANNA, BO, now=now)
    assert (transfer.state, told()) == ("rejected", [("rejected", ANNA)])
    letter = Letter.objects.get()
    assert "stod@ltdalarna.se" in letter.text
    assert "/upload/" not in letter.text
    trail = AuditEntry.objects.filter(transfer_public_id=transfer.public_id).order_by("pk")
    assert list(trail.values_list("step", "role", "reason_code")) == [
        ("applied", "sender", "blocked"),
        ("withdrawn", "rule", "blocked"),
    ]


@pytest.mark.django_db
def test_a_block_holds_until_its_last_day_and_is_then_deleted(now):
    row = blocked(BO, now=now, days="1")
    assert not applied(BO, ANNA, now=row.until).is_blocked
    forget(services=SERVICES, now=row.until - timedelta(seconds=1))
    assert Blocked.objects.count() == 1
    forget(services=SERVICES, now=row.until)
    assert not Blocked.objects.exists()


@pytest.mark.django_db
def test_the_trail_says_who_and_never_whom(now):
    row = blocked(BO, now=now)
    unblock(row, person="user:2", role=StaffRole.ADMINISTRATOR, now=now)
    unblock(row, person="user:3", role=StaffRole.ADMINISTRATOR, now=now)
    entries = AuditEntry.objects.order_by("pk")
    assert list(entries.values_list("step", "person", "role", "reason", "reason_code")) == [
        ("block-added", "user:1", "security-officer", "", "address"),
        ("block-removed", "user:2", "administrator", "", "address"),
    ]
    assert BO not in str(list(entries.values()))


@pytest.mark.django_db
def test_wrong_values_reasons_and_days_are_refused_together_and_nothing_is_stored(now):
    with pytest.raises(FormRefused) as refused:
        blocked("", now=now, days="366", reason="")
    assert refused.value.problems == {
        "value": "block_empty",
        "days": "block_days",
        "reason": "reason_missing",
    }
    for days in ("", "0", "-1", "x", "1.5", "٣", "9999"):
        with pytest.raises(FormRefused):
            blocked(BO, now=now, days=days)
    blocked(BO, now=now)
    with pytest.raises(FormRefused) as refused:
        blocked("BO+x@rontgen.example", now=now)
    assert (refused.value.problems, Blocked.objects.count()) == ({"value": "block_known"}, 1)

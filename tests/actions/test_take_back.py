"""A sender takes an application back, or corrects it: who is told, what no longer leaves, what stays."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from filsluss.actions.apply import apply
from filsluss.actions.decide import decide
from filsluss.actions.integrity.findings import World
from filsluss.actions.integrity.repair import verify_world
from filsluss.actions.limits import LimitReached
from filsluss.actions.take_back import correct, take_back
from filsluss.actions.transitions import StepRefused
from filsluss.letters.claims import Claimant
from filsluss.letters.outbox import deliver_next
from filsluss.models import AuditEntry, Letter, Transfer
from filsluss.rules.application import Application
from filsluss.rules.decision import Decision
from filsluss.rules.lifecycle import State
from filsluss.rules.networks import Client
from filsluss.rules.refusals import FormRefused
from tests.actions.racing import race
from tests.letters.cases import ANNA, BO, EVA, KARIN, example_policy
from tests.parts.services import services_for

POLICY = example_policy(inside_networks=(ip_network("10.0.0.0/8"),))
AWAY = Client("198.51.100.7", may_be_inside=True)
MINUTE = timedelta(minutes=1)
FORM = Application(sender_name="Bo Ek", sender_email=BO, recipient_email=ANNA, purpose="Offert")
THROUGH = replace(FORM, recipient_email=EVA, recipient_outside=True, approver_email=KARIN)


def applied(now, form=FORM, *, client=AWAY, policy=POLICY):
    return apply(form, services=services_for(policy), now=now, client=client)


def corrected(transfer, now, *, client=AWAY, policy=POLICY, **changes):
    form = replace(FORM, form_value="a form of its own", **changes)
    return correct(transfer, application=form, services=services_for(policy), now=now, client=client)


def approve(transfer, now):
    services = services_for(POLICY)
    decide(transfer, form=Decision("approve", "3"), services=services, now=now)


def delivered(now):
    me = Claimant()
    return sum(iter(lambda: deliver_next(me, policy=POLICY, now=now), False))


def told(mail_server):
    return sorted((letter.kind, *letter.to) for letter in mail_server.letters)


def state_of(transfer):
    return Transfer.objects.get(pk=transfer.pk).state


def broken(store, now):
    return [str(finding) for finding in verify_world(World(services_for(POLICY, store), now))]


@pytest.mark.django_db
@pytest.mark.parametrize("form", [FORM, THROUGH], ids=["inbound", "through"])
def test_an_approver_who_was_asked_is_told(now, mail_server, store, form):
    transfer = applied(now, form)
    delivered(now)
    asked = told(mail_server)
    take_back(transfer, services=services_for(POLICY), now=now + MINUTE)
    delivered(now + MINUTE)
    assert state_of(transfer) == State.WITHDRAWN
    assert told(mail_server) == sorted([*asked, ("withdrawn", transfer.approver.address)])
    assert broken(store, now + MINUTE) == []


@pytest.mark.django_db
def test_an_approver_whose_letter_has_not_left_never_hears_of_it(now, mail_server, store):
    transfer = applied(now)
    take_back(transfer, services=services_for(POLICY), now=now + MINUTE)
    delivered(now + MINUTE)
    assert told(mail_server) == []
    assert {letter.delivery for letter in Letter.objects.all()} == {"withdrawn"}
    assert Transfer.objects.get().asked_at is None
    assert broken(store, now + MINUTE) == []


@pytest.mark.django_db
def test_an_approver_whose_letter_is_leaving_at_this_moment_is_told(now, mail_server):
    transfer = applied(now)
    Letter.objects.filter(kind="approval-requested").update(claimed_by="another worker")
    take_back(transfer, services=services_for(POLICY), now=now)
    assert Letter.objects.filter(kind="withdrawn", to=ANNA).count() == 1


@pytest.mark.django_db
def test_what_is_answered_or_late_is_not_taken_back(now):
    answered, late = applied(now), applied(now)
    approve(answered, now)
    for transfer, at in ((answered, now), (late, late.lapse_by), (answered, now)):
        with pytest.raises(StepRefused):
            take_back(transfer, services=services_for(POLICY), now=at)
    assert (state_of(answered), state_of(late)) == (State.OPEN, State.PENDING)


@pytest.mark.django_db
def test_it_is_taken_back_once(now):
    transfer = applied(now)
    take_back(transfer, services=services_for(POLICY), now=now)
    with pytest.raises(StepRefused):
        take_back(Transfer.objects.get(), services=services_for(POLICY), now=now)
    entry = AuditEntry.objects.get(step="taken-back")
    assert (entry.role, entry.detail) == ("sender", None)


@pytest.mark.django_db(transaction=True)
def test_of_an_answer_and_a_withdrawal_at_the_same_moment_one_counts(now):
    for round_ in range(5):
        transfer = applied(now, replace(FORM, sender_email=f"bo{round_}@rontgen.example"), client=HOME)

        def answer(pk=transfer.pk):
            try:
                mine = Transfer.objects.get(pk=pk)
                approve(mine, now)
            except StepRefused:
                return "late"
            return "approved"

        def withdraw(pk=transfer.pk):
            try:
                take_back(Transfer.objects.get(pk=pk), services=services_for(POLICY), now=now)
            except StepRefused:
                return "late"
            return "withdrawn"

        results = race(answer, withdraw)
        assert results.count("late") == 1
        expected = State.OPEN if "approved" in results else State.WITHDRAWN
        assert state_of(transfer) == expected


HOME = Client("10.1.2.3", may_be_inside=True)


@pytest.mark.django_db
def test_a_correction_takes_the_place_of_the_application(now, mail_server, store):
    transfer = applied(now)
    delivered(now)
    made = corrected(transfer, now + MINUTE, recipient_email=KARIN)
    delivered(now + MINUTE)
    assert (state_of(transfer), state_of(made)) == (State.WITHDRAWN, State.PENDING)
    new = told(mail_server)
    assert new == sorted(
        [
            ("approval-requested", ANNA),
            ("received", BO),
            ("withdrawn", ANNA),
            ("approval-requested", KARIN),
            ("received", BO),
        ]
    )
    assert AuditEntry.objects.get(step="taken-back").detail == {"replaced_by": made.public_id}
    assert broken(store, now + MINUTE) == []


@pytest.mark.django_db
def test_a_correction_that_is_refused_leaves_everything_as_it_was(now):
    transfer = applied(now)
    before = (Transfer.objects.count(), Letter.objects.count(), AuditEntry.objects.count())
    with pytest.raises(FormRefused):
        corrected(transfer, now, recipient_email="anna@")
    strict = replace(POLICY, applications_per_hour=1)
    with pytest.raises(LimitReached):
        corrected(transfer, now, policy=strict)
    approve(transfer, now)
    with pytest.raises(StepRefused):
        corrected(Transfer.objects.get(), now)
    assert (Transfer.objects.count(), state_of(transfer)) == (before[0], State.OPEN)


@pytest.mark.django_db
def test_a_correction_that_is_sent_twice_is_one(now):
    transfer = applied(now)
    first = corrected(transfer, now + MINUTE)
    second = corrected(Transfer.objects.get(pk=transfer.pk), now + MINUTE + MINUTE)
    assert (first.pk == second.pk, Transfer.objects.count()) == (True, 2)


@pytest.mark.django_db
def test_to_take_back_what_was_asked_makes_no_room_in_the_mailbox_for_the_next(now, mail_server):
    policy = replace(POLICY, letters_per_day=3)
    for number in range(5):
        client = Client(f"203.0.113.{number}", may_be_inside=True)
        form = replace(FORM, sender_email=f"bo{number}@rontgen.example")
        transfer = applied(now, form, client=client, policy=policy)
        delivered(now)
        take_back(transfer, services=services_for(policy), now=now)
    assert len([each for each in mail_server.letters if each.kind == "approval-requested"]) == 3

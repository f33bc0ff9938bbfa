"""The decision: one of two, once, in time, whoever else tries at the same moment."""

from datetime import UTC, datetime, timedelta
from time import sleep

import pytest

from filsluss.actions import decide, expiry, oversee
from filsluss.actions.transitions import StepRefused
from filsluss.models import AuditEntry, Letter, Transfer
from filsluss.rules.decision import Decision
from filsluss.rules.directions import Role
from filsluss.rules.lifecycle import State
from tests.actions.racing import kinds, race
from tests.letters.cases import EVA, KARIN, example_policy, make_transfer
from tests.parts.services import services_for

POLICY = example_policy()


def undecided(now, number=0, **own):
    given = {"state": State.PENDING, "decided_at": None, "open_until": None, **own}
    return make_transfer(now, public_id=f"K7PM-2{number:03}", nonce=f"{number:032}", **given)


def approve(transfer, now):
    mine = Transfer.objects.get(pk=transfer.pk)
    return decide.decide(mine, form=Decision("approve", "7"), services=services_for(POLICY), now=now)


def reject(transfer, now):
    mine = Transfer.objects.get(pk=transfer.pk)
    return decide.decide(mine, form=Decision("reject", "", "Nej."), services=services_for(POLICY), now=now)


DELAYS = ((0, 0), (0, 0.05), (0.05, 0))


def whose(transfer):
    """The state, and the steps and letters that brought it there."""
    steps = list(
        AuditEntry.objects.filter(transfer_public_id=transfer.public_id).values_list("step", flat=True)
    )
    letters = sorted(Letter.objects.about(transfer).values_list("kind", flat=True))
    return Transfer.objects.get(pk=transfer.pk).state, steps, letters


APPROVED = ("open", ["approved"], ["approved"])
REJECTED = ("rejected", ["rejected"], ["rejected"])
LAPSED = ("lapsed", ["lapsed"], ["lapsed", "lapsed"])


def many(count):
    return pytest.param(count, marks=pytest.mark.full) if count > 100 else count


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("rounds", [many(100), many(500)])
def test_of_an_approval_and_a_rejection_at_the_same_moment_one_wins_and_the_other_is_told_so(now, rounds):
    """Of three rounds the approval comes a moment earlier in one, the rejection in another."""
    won = set()
    for number in range(rounds):
        transfer, (first, second) = undecided(now, number), DELAYS[number % len(DELAYS)]
        outcomes = race(
            lambda t=transfer, delay=first: (sleep(delay), approve(t, now))[1],
            lambda t=transfer, delay=second: (sleep(delay), reject(t, now))[1],
        )
        assert kinds(outcomes) == ["StepRefused", "True"]
        found = whose(transfer)
        assert found == (REJECTED if isinstance(outcomes[0], StepRefused) else APPROVED)
        won.add(found[0])
    assert won == {"open", "rejected"}


@pytest.mark.django_db(transaction=True)
def test_a_double_click_decides_once(now):
    for number in range(10):
        transfer = undecided(now, number)
        assert kinds(race(*[lambda t=transfer: approve(t, now)] * 3)) == [
            "StepRefused",
            "StepRefused",
            "True",
        ]
        assert whose(transfer) == APPROVED


@pytest.mark.django_db(transaction=True)
def test_an_administrator_who_closes_and_an_approver_who_approves_do_not_both(now):
    def close(transfer):
        mine = Transfer.objects.get(pk=transfer.pk)
        reason = oversee.Reason("Bluff.", "os:eva")
        oversee.withdraw(mine, reason=reason, services=services_for(POLICY), now=now)
        return True

    for number in range(10):
        transfer = undecided(now, number)
        outcomes = race(lambda t=transfer: approve(t, now), lambda t=transfer: close(t))
        assert sorted(kinds(outcomes)) == ["StepRefused", "True"]
        assert whose(transfer) in (APPROVED, ("rejected", ["withdrawn"], ["rejected"]))


@pytest.mark.django_db
@pytest.mark.parametrize("late", [timedelta(0), timedelta(milliseconds=1), timedelta(days=3)])
def test_at_the_end_of_the_last_day_it_is_too_late_whether_the_worker_has_run_or_not(now, late):
    transfer = undecided(now)
    for answer in (approve, reject):
        with pytest.raises(StepRefused):
            answer(transfer, transfer.lapse_by + late)
    assert whose(transfer) == ("pending", [], [])
    assert expiry.lapse_undecided(services=services_for(POLICY), now=transfer.lapse_by + late) == 1
    assert whose(transfer) == LAPSED


@pytest.mark.django_db
def test_a_millisecond_before_it_is_in_time(now):
    transfer = undecided(now)
    at = transfer.lapse_by - timedelta(milliseconds=1)
    assert expiry.lapse_undecided(services=services_for(POLICY), now=at) == 0
    approve(transfer, at)
    assert expiry.lapse_undecided(services=services_for(POLICY), now=at + timedelta(days=9)) == 0
    assert whose(transfer) == APPROVED


@pytest.mark.django_db(transaction=True)
def test_of_a_late_answer_and_the_lapse_only_the_lapse_happens(now):
    for number in range(10):
        transfer = undecided(now, number)
        at = transfer.lapse_by
        outcomes = race(
            lambda t=transfer, at=at: approve(t, at),
            lambda at=at: expiry.lapse_undecided(services=services_for(POLICY), now=at),
            lambda at=at: expiry.lapse_undecided(services=services_for(POLICY), now=at),
        )
        assert isinstance(outcomes[0], StepRefused)
        assert sorted(outcomes[1:]) == [0, 1]
        assert whose(transfer) == LAPSED


# When it is decided, for how many days, and the first instant that is too late: nights of 23 and of 25 hours,
# a leap day, the turn of a year, and an evening that is already tomorrow in Stockholm.
ENDS = [
    ("2027-03-27T10:00+01:00", 0, "2027-03-27T23:00Z"),
    ("2027-03-27T10:00+01:00", 1, "2027-03-28T22:00Z"),
    ("2027-03-28T00:30+01:00", 0, "2027-03-28T22:00Z"),
    ("2027-03-28T03:30+02:00", 7, "2027-04-04T22:00Z"),
    ("2027-10-30T10:00+02:00", 0, "2027-10-30T22:00Z"),
    ("2027-10-30T10:00+02:00", 1, "2027-10-31T23:00Z"),
    ("2027-10-31T02:30+02:00", 7, "2027-11-07T23:00Z"),
    ("2027-10-31T02:30+01:00", 0, "2027-10-31T23:00Z"),
    ("2028-02-28T10:00+01:00", 1, "2028-02-29T23:00Z"),
    ("2028-02-29T10:00+01:00", 1, "2028-03-01T23:00Z"),
    ("2027-02-28T10:00+01:00", 1, "2027-03-01T23:00Z"),
    ("2026-12-31T12:00+01:00", 1, "2027-01-01T23:00Z"),
    ("2026-12-31T22:59Z", 1, "2027-01-01T23:00Z"),
    ("2026-12-31T23:30Z", 1, "2027-01-02T23:00Z"),
    ("2026-11-24T10:00+01:00", 30, "2026-12-24T23:00Z"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("decided", "days", "end"), ENDS, ids=[f"{d} {n}" for d, n, _ in ENDS])
def test_an_account_of_so_many_days_is_open_through_the_last_of_them(decided, days, end):
    at, end = datetime.fromisoformat(decided), datetime.fromisoformat(end)
    assert POLICY.end_of(at, days).astimezone(UTC) == end
    if days == 0:
        return
    transfer = undecided(at)
    decide.decide(transfer, form=Decision("approve", str(days)), services=services_for(POLICY), now=at)
    for kept in (transfer, Transfer.objects.get(pk=transfer.pk)):
        assert kept.open_until == end
        assert (kept.is_open_at(end - timedelta(microseconds=1)), kept.is_open_at(end)) == (True, False)
        last_day = POLICY.today(at) + timedelta(days=days)
        assert (POLICY.last_day(kept.open_until), POLICY.days_left(kept.open_until, at)) == (last_day, days)


@pytest.mark.django_db
def test_a_rejection_names_the_approver_who_has_just_shown_who_they_are(now):
    nobody = {Role.SENDER: "none", Role.APPROVER: "none"}
    transfer = undecided(now, proofs=nobody, direction="through", sender_name="Zebra")
    reject(transfer, now)
    letter = Letter.objects.get(kind="rejected")
    assert (KARIN in letter.text, letter.reply_to) == (True, KARIN)
    assert [word for word in ("Zebra", EVA) if word in letter.text + letter.html] == []

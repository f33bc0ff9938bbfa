"""Whatever is sent, the house answers with a word of its own, and stands as before."""

import pytest

from tests.parts import fuzz

pytestmark = [pytest.mark.live, pytest.mark.timeout(3600)]


def holds(outcome, damage, *, least):
    assert (outcome.faults, damage) == ([], "")
    assert outcome.count >= least
    assert {200, 400, 404} <= set(outcome.statuses)


def test_some_thousand_malformed_requests_meet_no_fault():
    holds(*fuzz.run(seed=1, seconds=15, count=100_000), least=200)


@pytest.mark.full
def test_a_hundred_thousand_malformed_requests_meet_no_fault():
    holds(*fuzz.run(seed=2, seconds=3000, count=100_000), least=100_000 - 4)

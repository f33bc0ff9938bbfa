"""Did you mean: what is nearly a domain inside or a common provider, and what is as good as any other."""

import json
from pathlib import Path

import pytest

from filsluss.rules.suggestions import PROVIDERS, distance, suggested_address, suggests_inside

CASES = json.loads((Path(__file__).parents[1] / "data" / "suggestions.json").read_text())
INSIDE = CASES["inside_domains"]


@pytest.mark.parametrize(("typed", "meant"), CASES["meant"].items())
def test_an_address_whose_domain_is_nearly_a_known_one_is_asked_about(typed, meant):
    assert suggested_address(typed, inside_domains=INSIDE) == meant


@pytest.mark.parametrize("typed", CASES["as_good_as_any"])
def test_no_other_address_is(typed):
    assert suggested_address(typed, inside_domains=INSIDE) == ""


def test_what_is_suggested_is_never_asked_about_again():
    for typed in CASES["meant"]:
        meant = suggested_address(typed, inside_domains=INSIDE)
        assert suggested_address(meant, inside_domains=INSIDE) == ""


def test_an_address_inside_is_thought_of_before_a_provider():
    assert suggested_address("bo@gmaill.com", inside_domains=["gmaila.com"]) == "bo@gmaila.com"
    assert suggests_inside("maria@ltdalarna.com", inside_domains=INSIDE)
    assert not suggests_inside("bo@gmial.com", inside_domains=INSIDE)


def test_fifteen_providers_are_known():
    assert len(set(PROVIDERS)) == 15


@pytest.mark.parametrize(
    ("one", "other", "steps"),
    [("", "", 0), ("a", "", 1), ("ab", "ba", 1), ("abc", "acb", 1), ("gmial", "gmail", 1), ("ca", "abc", 3)],
)
def test_the_distance_counts_a_swap_of_neighbours_as_one(one, other, steps):
    assert (distance(one, other), distance(other, one)) == (steps, steps)


def test_a_very_long_address_takes_no_time():
    assert suggested_address(f"bo@{'a' * 100_000}.se", inside_domains=INSIDE) == ""

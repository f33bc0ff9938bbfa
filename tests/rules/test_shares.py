"""How threads are shared: nobody takes all of them, and an office behind one address is not refused."""

from collections import Counter

import pytest

from filsluss.rules.shares import (
    downloads_per_link,
    downloads_per_network,
    may_have_more,
    share_of,
)


def admitted(asking, size, least=4):
    """How many each gets, of those who ask in turn and never give one back."""
    held = Counter()
    for who in asking:
        if may_have_more(held[who], taken=held.total(), size=size, least=least):
            held[who] += 1
    return held


@pytest.mark.parametrize("links", [1, 2, 10, 50])
def test_greedy_links_leave_as_many_places_as_each_of_them_has(links):
    held = admitted([number % links for number in range(100_000)], size=500)
    assert len(held) == links
    assert max(held.values()) <= 500 - held.total() + 1
    assert may_have_more(0, taken=held.total(), size=500, least=4)


def test_beside_ten_greedy_links_forty_people_get_a_download_each():
    greedy = [f"link {number % 10}" for number in range(1000)]
    held = admitted([*greedy, *(f"person {number}" for number in range(40))], size=500)
    assert [held[f"person {number}"] for number in range(40)] == [1] * 40


def test_an_office_behind_one_address_has_most_of_the_places_and_never_all():
    size = share_of(1000)
    assert 100 < downloads_per_network(size) < size


def test_segments_of_one_file_are_fetched_at_once_in_any_number_of_processes():
    assert [downloads_per_link(processes) for processes in (1, 2, 3, 8, 64)] == [8, 4, 4, 4, 4]


@pytest.mark.parametrize("threads", [2, 3, 4, 30, 1000])
def test_both_kinds_together_have_no_more_threads_than_are_set(threads):
    assert 1 <= share_of(threads) <= threads / 2

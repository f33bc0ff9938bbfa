"""Which bytes have left, in whatever order and in however many pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filsluss.rules.spans import MOST, cover, with_span

PIECES = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), max_size=40)


@given(PIECES)
def test_spans_are_exactly_the_bytes_that_left_sorted_and_apart(pieces):
    spans, bytes_left = [], set()
    for start, stop in pieces:
        spans = with_span(spans, start, stop)
        bytes_left |= set(range(start, stop))
    assert {byte for start, stop in spans for byte in range(start, stop)} == bytes_left
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(set(edges))


@pytest.mark.parametrize(
    ("spans", "size", "whole"),
    [
        ([], 0, True),
        ([], 1, False),
        ([(0, 10)], 10, True),
        ([(0, 9)], 10, False),
        ([(1, 10)], 10, False),
        ([(0, 4), (5, 10)], 10, False),
        ([(0, 11)], 10, True),
    ],
)
def test_a_file_has_left_whole_when_every_byte_of_it_has(spans, size, whole):
    assert cover(spans, size) is whole


def test_four_segments_in_any_order_are_the_whole_file():
    spans = []
    for start in (75, 0, 50, 25):
        assert not cover(spans, 100)
        spans = with_span(spans, start, start + 25)
    assert (spans, cover(spans, 100)) == ([(0, 100)], True)


def test_what_comes_in_more_pieces_than_are_remembered_never_counts_as_whole():
    spans = []
    for start in range(0, 4 * MOST, 2):
        spans = with_span(spans, start, start + 1)
    assert len(spans) == MOST
    for start in range(1, 4 * MOST, 2):
        spans = with_span(spans, start, start + 1)
    assert len(spans) <= MOST
    assert not cover(spans, 4 * MOST)
    assert cover(with_span(spans, 0, 4 * MOST), 4 * MOST)

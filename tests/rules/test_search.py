"""Text is found in any case and any Unicode form, and a prefix is a range."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filsluss.rules.search import fold, prefix_range

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ÅSA", "åsa"),
        ("A\u030asa", "Åsa"),
        ("Straße", "STRASSE"),
        ("ö", "O\u0308"),
        ("ﬁl", "FIL"),
        ("İ", "i̇"),
    ],
)
def test_what_a_reader_takes_for_the_same_is_the_same(one, other):
    assert fold(one) == fold(other)


@given(TEXT)
def test_folding_twice_changes_nothing_more(text):
    assert fold(fold(text)) == fold(text)


@given(TEXT, TEXT)
def test_the_range_of_a_prefix_holds_what_begins_with_it_and_nothing_else(prefix, text):
    begin, end = prefix_range(prefix)
    assert begin <= prefix + text < end
    assert (begin <= text < end) == text.startswith(prefix)

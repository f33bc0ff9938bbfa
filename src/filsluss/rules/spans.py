"""Spans: which bytes of a file have left, as sorted, disjoint, half-open pairs of offsets."""

from collections.abc import Iterable

Span = tuple[int, int]
MOST = 64
"""How many separate spans are remembered; whoever fetches in more pieces has fetched the file partly."""


def with_span(spans: Iterable[Span], start: int, stop: int) -> list[Span]:
    """The spans with [start, stop) among them, merged where they touch.

    Where that would make more than `MOST`, the new one is left out: nothing is ever counted that did not
    leave.
    """
    before = [(a, b) for a, b in spans]
    if stop <= start:
        return before
    apart = [(a, b) for a, b in before if b < start or a > stop]
    touched = [(a, b) for a, b in before if not (b < start or a > stop)]
    merged = (min([start, *(a for a, _ in touched)]), max([stop, *(b for _, b in touched)]))
    found = sorted([*apart, merged])
    return found if len(found) <= MOST else before


def cover(spans: Iterable[Span], size: int) -> bool:
    """Whether they hold every byte of a file of `size`; an empty file is covered by nothing."""
    return size == 0 or any(start <= 0 and stop >= size for start, stop in spans)

"""Spans: the bytes of a file that were sent, as sorted, disjoint, half-open pairs of offsets."""

from collections.abc import Iterable

Span = tuple[int, int]
MOST = 64
"""The most separate spans that are recorded; a download in more pieces may not count as a fetch."""


def with_span(spans: Iterable[Span], start: int, stop: int) -> list[Span]:
    """The spans with [start, stop) added, merged where they touch.

    If they would be more than `MOST`, the new one is left out, so that no byte is counted that was not sent.
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
    """Whether the spans are every byte of a file of `size`; an empty file needs none."""
    return size == 0 or any(start <= 0 and stop >= size for start, stop in spans)

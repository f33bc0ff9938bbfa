"""Waiting for what takes a while: in one way, which says in the end what it saw last."""

import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")
SHORTEST, LONGEST = 0.05, 0.25  # seconds between two looks


def eventually(
    look: Callable[[], Seen],
    holds: Callable[[Seen], object] = bool,
    *,
    seconds: float = 90,
    interval: float | None = None,
    excusing: type[Exception] | tuple[type[Exception], ...] = (),
    say: Callable[[], object] | None = None,
    pause: Callable[[float], object] = time.sleep,
    while_it_changes: bool = False,
) -> Seen:
    """What `look` returns, once it `holds`; fails with what it returned last, after so many `seconds`.

    With `while_it_changes` the seconds count from when it last returned something else than before.
    `excusing`: what `look` may raise meanwhile. `say` returns what else the failure tells, such as a log.
    `pause` lets so many seconds pass between two looks: `interval`, or as long as `growing` says.
    """
    last: object = None
    begun = time.monotonic()
    end = begun + seconds
    while True:
        before = last
        try:
            last = seen = look()
            if holds(seen):
                return seen
        except excusing as fault:
            last = fault
        if while_it_changes and last != before:
            end = time.monotonic() + seconds
        if time.monotonic() > end:
            more = f"\n{say()}" if say else ""
            raise AssertionError(f"not within {seconds:g} s; last seen: {last!r}{more}")
        pause(growing(time.monotonic() - begun) if interval is None else interval)


def growing(waited: float) -> float:
    """A tenth of the seconds waited so far, within bounds: what takes long is not asked for all the time."""
    return min(max(waited / 10, SHORTEST), LONGEST)

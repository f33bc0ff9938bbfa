"""Waiting for what takes a while: in one way, which says in the end what it saw last."""

import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")


def eventually(
    look: Callable[[], Seen],
    holds: Callable[[Seen], object] = bool,
    *,
    seconds: float = 90,
    interval: float = 0.05,
    excusing: type[Exception] | tuple[type[Exception], ...] = (),
    say: Callable[[], object] | None = None,
    pause: Callable[[float], object] = time.sleep,
    while_it_changes: bool = False,
) -> Seen:
    """What `look` returns, once it `holds`; fails with what it returned last, after so many `seconds`.

    With `while_it_changes` the seconds count from when it last returned something else than before.
    `excusing`: what `look` may raise meanwhile. `say` returns what else the failure tells, such as a log.
    `pause` lets so many seconds pass between two looks.
    """
    last: object = None
    end = time.monotonic() + seconds
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
        pause(interval)

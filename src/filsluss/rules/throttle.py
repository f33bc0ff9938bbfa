"""How long a network that guesses codes must wait; nobody else is ever made to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

FREE_FAILURES = 4
WINDOW = timedelta(minutes=15)
FIRST_DELAY = timedelta(minutes=1)
LONGEST_DELAY = timedelta(hours=1)
ALL_NETWORKS_PER_HOUR = 1000


@dataclass(frozen=True)
class Failures:
    """When one network guessed wrong, oldest first, and how many wrong guesses all made in the last hour."""

    mine: Sequence[datetime]
    in_all: int


def delay_after(tries: Failures, *, now: datetime) -> int:
    """Seconds this network still has to wait; 0 if it may try.

    The fifth wrong code within a window starts a pause that doubles with every further one, up to an
    hour; when all together guess too much, whoever has guessed wrong gets one try an hour.
    """
    if not tries.mine:
        return 0
    pause = LONGEST_DELAY if tries.in_all > ALL_NETWORKS_PER_HOUR else _own_delay(tries.mine)
    return max(0, math.ceil((tries.mine[-1] + pause - now).total_seconds()))


def _own_delay(times: Sequence[datetime]) -> timedelta:
    """The pause that the last wrong code earned."""
    pause, level = timedelta(0), 0
    for number, at in enumerate(times):
        still_at_it = level > 0 and at - times[number - 1] <= WINDOW + pause
        crowded = sum(at - WINDOW < earlier for earlier in times[: number + 1]) > FREE_FAILURES
        level = level + 1 if still_at_it or crowded else 0
        pause = min(FIRST_DELAY * 2 ** min(level - 1, 10), LONGEST_DELAY) if level else timedelta(0)
    return pause

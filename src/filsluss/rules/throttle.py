"""How long a network must wait after wrong codes; a network without a wrong code never waits."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

FREE_FAILURES = 4
FREE_OF_ACCOUNT = 10
"""Wrong passwords for one account in an hour, from all networks, before others than its owner wait."""
LONGEST_OF_ACCOUNT = timedelta(minutes=15)
WINDOW = timedelta(minutes=15)
FIRST_DELAY = timedelta(minutes=1)
LONGEST_DELAY = timedelta(hours=1)
ALL_NETWORKS_PER_HOUR = 1000


@dataclass(frozen=True)
class Failures:
    """The times of one network's wrong tries, oldest first, and how many all networks made in an hour."""

    mine: Sequence[datetime]
    in_all: int


def delay_after(failures: Failures, *, now: datetime, free: int = FREE_FAILURES) -> int:
    """Seconds until the network may try again; 0 if it may now.

    The first failure within WINDOW after `free` others starts a delay that doubles with each further one,
    up to LONGEST_DELAY. Above ALL_NETWORKS_PER_HOUR in all, each network with a failure gets one try an hour.
    """
    if not failures.mine:
        return 0
    delay = LONGEST_DELAY if failures.in_all > ALL_NETWORKS_PER_HOUR else _own_delay(failures.mine, free)
    return max(0, math.ceil((failures.mine[-1] + delay - now).total_seconds()))


def account_delay(failures: int) -> timedelta:
    """How long a network waits for its turn at an account with so many failures in the last hour.

    It doubles with each FREE_OF_ACCOUNT further failures, up to LONGEST_OF_ACCOUNT.
    """
    if failures < FREE_OF_ACCOUNT:
        return timedelta(0)
    doublings: int = min(failures // FREE_OF_ACCOUNT - 1, 10)
    return min(FIRST_DELAY * (1 << doublings), LONGEST_OF_ACCOUNT)


def _own_delay(times: Sequence[datetime], free: int) -> timedelta:
    """The delay after the last of these failures."""
    delay, level = timedelta(0), 0
    for number, at in enumerate(times):
        continues = level > 0 and at - times[number - 1] <= WINDOW + delay
        too_many = sum(at - WINDOW < earlier for earlier in times[: number + 1]) > free
        level = level + 1 if continues or too_many else 0
        delay = min(FIRST_DELAY * 2 ** min(level - 1, 10), LONGEST_DELAY) if level else timedelta(0)
    return delay

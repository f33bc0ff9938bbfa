"""The threads that move bytes, in two shares, and how many of a share one link may have."""

import contextlib
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from filsluss.rules.shares import may_have_more


def run_as_batch() -> None:
    """From now on the calling thread, when it is woken, does not interrupt the one that runs (sched(7)).

    That one mostly holds the interpreter's lock, which the woken thread needs next.
    """
    with contextlib.suppress(OSError):  # a sandbox forbids it: it only costs more
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


class Share:
    """A pool of threads, which start when they are needed, and how many requests of each link it has.

    Used by the main loop only, but for `is_waited_for`. A request that finds no free thread waits in the
    pool, and counts.
    """

    def __init__(self, threads: int, *, least: int) -> None:
        self.pool = ThreadPoolExecutor(threads, initializer=run_as_batch)
        self._threads, self._least = threads, least
        self._of_link: Counter[bytes] = Counter()
        self._taken = 0

    def admit(self, link: bytes) -> bool:
        """Counts a request of that link, unless it has more than its part already."""
        if not may_have_more(self._of_link[link], taken=self._taken, size=self._threads, least=self._least):
            return False
        self._of_link[link] += 1
        self._taken += 1
        return True

    @property
    def is_full(self) -> bool:
        """Whether each of its threads has a request."""
        return self._taken >= self._threads

    @property
    def is_waited_for(self) -> bool:
        """Whether a request waits for a thread."""
        return self._taken > self._threads

    def release(self, link: bytes) -> None:
        self._taken -= 1
        self._of_link[link] -= 1
        if not self._of_link[link]:
            del self._of_link[link]

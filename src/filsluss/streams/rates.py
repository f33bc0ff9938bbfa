"""The least rate of an upload or a download while half of the threads of its kind are taken."""

import time

from django.conf import settings

from filsluss.rules.shares import share_of

WINDOW_SECONDS = 300.0
LEAST_RATE = 8 * 1024.0
"""In bytes a second, over WINDOW_SECONDS."""


class Rate:
    """Judges one transfer by windows of WINDOW_SECONDS; `moved` is the count of bytes at its beginning."""

    def __init__(self, moved: int = 0) -> None:
        self._since, self._before, self._is_slow = time.monotonic(), moved, False

    def is_slow_at(self, moved: int) -> bool:
        """Whether the last whole window was slower than LEAST_RATE, with `moved` bytes by now."""
        seconds = time.monotonic() - self._since
        if seconds >= WINDOW_SECONDS:
            self._is_slow = moved - self._before < LEAST_RATE * seconds
            self._since, self._before = time.monotonic(), moved
        return self._is_slow


def is_crowded(running: int) -> bool:
    """Whether so many uploads, or downloads, have half of the threads of their kind in this process."""
    return running * 2 >= share_of(settings.THREADS)

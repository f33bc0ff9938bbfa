"""The monitor of the clock: when jobs that act on the time alone must wait."""

import logging
import threading
import time
from datetime import UTC, datetime, timedelta

from filsluss.actions import clock_hold
from filsluss.models import Pause

log = logging.getLogger(__name__)

CLOCK_LEAP = timedelta(hours=1)
HOLD_SECONDS = 3600.0
"""How long nothing is ended or erased by time after a clock leap or a long absence."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class ClockMonitor:
    """Holds the jobs that need a trusted clock, because what they erase on a wrong clock is lost.

    A hold starts after a clock leap or a long absence and lasts HOLD_SECONDS. It is a row in the database,
    so that a worker that starts on the same node meanwhile obeys it as well: other nodes have other clocks.
    """

    def __init__(self, boot_id: str, *, node: str = "") -> None:
        self._wall, self._monotonic = utc_now(), time.monotonic()
        self._boot_id, self._node = boot_id, node
        self._first_seen: dict[tuple[str, float], float] = {}
        self._lock = threading.Lock()

    def read(self) -> tuple[datetime, str]:
        """The time, and why it is not trusted, empty if it is; a leap beyond CLOCK_LEAP starts a hold."""
        with self._lock:
            now, monotonic = utc_now(), time.monotonic()
            drift = now - self._wall - timedelta(seconds=monotonic - self._monotonic)
            if abs(drift) > CLOCK_LEAP:
                self.hold(f"the clock leapt by {drift}")
                self._wall, self._monotonic = now, monotonic
            current = clock_hold.current(node=self._node)
            if current and time.monotonic() - self._start_of(current) >= HOLD_SECONDS:
                clock_hold.end(current)
                current = None
            return now, current.why if current else ""

    @property
    def trouble(self) -> str:
        """Why the clock is not trusted; empty if it is."""
        return self.read()[1]

    def hold(self, why: str) -> None:
        clock_hold.begin(why, node=self._node, boot_id=self._boot_id, steady=time.monotonic())
        log.error("%s: nothing is ended, lapsed or forgotten for an hour; is the clock right?", why)

    def _start_of(self, hold: Pause) -> float:
        """When it started by time.monotonic(); for a hold of another boot, when it was first seen here."""
        if hold.boot_id == self._boot_id and hold.steady <= time.monotonic():
            return hold.steady
        return self._first_seen.setdefault((hold.boot_id, hold.steady), time.monotonic())

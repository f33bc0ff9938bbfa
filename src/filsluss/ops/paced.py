"""Figures that may take long to read: then what was read last is answered, and read anew meanwhile."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db import DatabaseError, connection

log = logging.getLogger(__name__)

AT_ONCE = 0.05
"""Seconds. Figures that were read within them are read each time."""
PART_OF_TIME = 0.05
"""How much of its time a process reads figures at most, each time that they take long."""
Figures = TypeVar("Figures")


class Paced(Generic[Figures]):
    """What `read` returns, at most about `seconds / PART_OF_TIME` old, where it takes that many seconds."""

    def __init__(self, read: Callable[[], Figures]) -> None:
        self._read, self._lock = read, threading.Lock()
        self._known: Figures | None = None
        self._seconds, self._read_at = 0.0, 0.0
        self._is_reading = False

    def figures(self) -> Figures:
        """Raises what `read` raises, if it is read now."""
        with self._lock:
            if self._known is None or self._seconds <= AT_ONCE:
                return self._read_now()
            if not self._is_reading and self._is_due():
                self._is_reading = True
                threading.Thread(target=self._read_meanwhile, name="figures", daemon=True).start()
            return self._known

    def _is_due(self) -> bool:
        return time.monotonic() - self._read_at >= self._seconds / PART_OF_TIME

    def _read_now(self) -> Figures:
        began = time.monotonic()
        self._known = None
        known = self._known = self._read()
        self._read_at = time.monotonic()
        self._seconds = self._read_at - began
        return known

    def _read_meanwhile(self) -> None:
        began = time.monotonic()
        try:
            known = self._read()
        except DatabaseError:
            known = None  # the next one who asks reads it, and is told why it cannot be
            log.warning("the figures could not be read")
        finally:
            connection.close()
        with self._lock:
            self._known, self._is_reading = known, False
            self._read_at = time.monotonic()
            self._seconds = self._read_at - began

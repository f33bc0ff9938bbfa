"""The reserve: a file beside the database that is let go, step by step, when the disk is full."""

# Every erasure begins with a row that says so, and a row needs room in the write-ahead log: without a reserve
# nothing could be given back on a disk without a free byte.

from __future__ import annotations

import contextlib
import logging
import os
from functools import cached_property
from pathlib import Path

log = logging.getLogger(__name__)

MIB = 1 << 20
LARGEST = 32 * MIB
SHARE_OF_DISK = 8
"""On a small disk it is an eighth of it."""
STEPS = 4
"""It is let go in so many steps: whoever filled the disk would soon fill what was let go at once."""


class Reserve:
    """The reserve of one database file; sizes are bytes."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(f"{database.name}-reserve")
        self.folder = database.parent

    @cached_property
    def size(self) -> int:
        """Its size when it is laid."""
        disk = os.statvfs(self.folder)
        return min(LARGEST, disk.f_blocks * disk.f_frsize // SHARE_OF_DISK)

    @property
    def low(self) -> int:
        """A step is let go when less than this is free; it is more than any of our transactions needs."""
        return self.size // STEPS // 2

    @property
    def margin(self) -> int:
        """What must stay free when it is laid, so that it is not let go at once."""
        return 2 * self.low

    def _free(self) -> int:
        disk = os.statvfs(self.folder)
        return disk.f_bavail * disk.f_frsize

    def _there(self) -> int:
        """How much of it is there."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def ensure(self) -> bool:
        """Lays what is missing if there is room for it. False if not: then no upload is taken."""
        missing = self.size - self._there()
        if missing <= 0:
            return True
        if self._free() < missing + self.margin:
            return False
        try:
            self._lay()
        except OSError as fault:
            log.warning("the reserve of %d MiB cannot be laid: %s", self.size // MIB, fault)
        return self._there() >= self.size

    def _lay(self) -> None:
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(fd, 0, self.size)
            os.fsync(fd)
        finally:
            os.close(fd)

    def release_if_low(self) -> None:
        """Lets a step of it go if the disk is nearly full; called before every transaction that writes."""
        with contextlib.suppress(OSError):
            if self._free() < self.low:
                self.release()

    def release(self) -> bool:
        """Lets a step of it go; False if nothing of it is left."""
        there = self._there()
        if there == 0:
            return False
        os.truncate(self.path, max(0, there - self.size // STEPS))
        log.error("the disk of the database is full: a part of the reserve was let go, uploads are refused")
        return True

"""The writer of a blob in a bucket: bytes come to a file without a name, and leave it in parts."""

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any

from filsluss.blobs.bucket import BLOCK, Bucket, Version
from filsluss.blobs.disk import raising_store_full
from filsluss.blobs.part_table import Part, PartTable, draw_part, end_of
from filsluss.blobs.protocol import Allowance, Bytes, LeaseLost, ObjectMissing, StoreAway
from filsluss.blobs.seekable import SeekableReader

PART = 8 << 20
"""Bytes of a part: what may have to be sent again when a machine dies, and the size of a request."""


class Region(SeekableReader):
    """Bytes [start, stop) of an open file, as a file that botocore can read more than once.

    Reads into one buffer of its own, as new memory for each piece would cost more than the bytes in it.
    """

    def __init__(self, fd: int, start: int, stop: int) -> None:
        self._fd, self._start, self._size = fd, start, stop - start
        self._buffer = memoryview(bytearray(min(BLOCK, self._size)))

    def end(self) -> int:
        return self._size

    def read(self, size: int = BLOCK) -> memoryview:
        """Up to `size` bytes, and no more than BLOCK; they are valid until the next call."""
        left = max(0, min(size, self._size - self._at))
        count = os.preadv(self._fd, [self._buffer[:left]], self._start + self._at)
        self._at += count
        return self._buffer[:count]


class S3Writer:
    """What was not stored yet lies in the spool, into which the kernel can write as into a blob on a disk.

    It begins at PART there, so that what a remainder is stored together with has room before it. The next
    part is written over the last one: to give its room back and take it again costs more than twice as much
    as the bytes. The spool has no name: nobody finds it, and it is gone with its process. A part that is full
    is stored and written down at once, the remainder by `sync`.
    """

    def __init__(self, name: str, parts: list[Part], *, epoch: int, table: PartTable, bucket: Bucket) -> None:
        self._name, self._epoch, self._table, self._bucket = name, epoch, table, bucket
        self._parts = parts
        self._spool: Any = None
        self.offset = self._stored = end_of(parts)
        self.allowance: Allowance | None = None

    def allowed(self) -> int:
        left = self._stored + PART - self.offset
        return min(left, self.allowance.allowed(self.offset)) if self.allowance else left

    @property
    def position(self) -> int:
        return self._place_of(self.offset)

    def write(self, data: Bytes) -> None:
        view = memoryview(data)
        while view:
            now = view[: self.allowed()]
            with raising_store_full():
                count = os.pwrite(self.fileno(), now, self.position)
            view = view[count:]
            self.moved(count)

    def fileno(self) -> int:
        if self._spool is None:
            self._spool = new_spool()
        return int(self._spool.fileno())

    def moved(self, count: int) -> None:
        self.offset += count
        if self.offset - self._stored >= PART:
            self._store(self._stored)

    def truncate(self, size: int) -> None:
        if size < self._stored:
            gone = self._table.truncate(self._name, size, epoch=self._epoch)
            self._stored = size
            self._parts = [
                part._replace(size=min(part.size, size - part.start))
                for part in self._parts
                if part.start < size
            ]
            self._delete(gone)
        self.offset = size

    def sync(self, *, keep: int = 0) -> None:  # noqa: ARG002 -- what was stored before lasts
        """A remainder is stored together with the parts before it that are not larger than it.

        So a file that comes in many small requests of about one size has few small parts; only requests that
        shrink leave one each.
        """
        if self.offset == self._stored:
            return
        start = self._stored
        for part in reversed(self._parts):
            if part.size > self.offset - start or self.offset - part.start > PART:
                break
            start = part.start
        self._store(start)

    def close(self) -> None:
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def _store(self, start: int) -> None:
        """Stores the spool as one part, with what is stored from `start` on. After an error it is empty."""
        part = draw_part(self._name, start, self.offset - start)
        try:
            for each in self._parts:
                if each.start >= start:
                    self._fetch(each)
            self._bucket.put(part.key, self._spooled(start), size=part.size)
            gone = self._table.add(self._name, part, epoch=self._epoch)
        except LeaseLost:
            self.offset = self._stored
            self._delete([part.key])
            raise
        except BaseException:
            self.offset = self._stored  # whether the table was told is unknown: the object is left as it is
            raise
        self._parts = [*(each for each in self._parts if each.start < start), part]
        self._stored = self.offset
        self._delete(gone)

    def _place_of(self, offset: int) -> int:
        return PART + offset - self._stored

    def _spooled(self, start: int) -> Region:
        return Region(self.fileno(), self._place_of(start), self.position)

    def _fetch(self, part: Part) -> None:
        at = part.start
        try:
            found = self._bucket.get(part.key, 0, part.size)
        except ObjectMissing:
            self._table.require(self._name, epoch=self._epoch)  # a newer writer has replaced it
            raise
        with contextlib.closing(found) as stream:
            while piece := stream.read(BLOCK):
                with raising_store_full():
                    os.pwrite(self.fileno(), piece, self._place_of(at))
                at += len(piece)
        if at != part.end:
            raise StoreAway("the store sent fewer bytes than it was asked for")

    def _delete(self, keys: list[str]) -> None:
        """What cannot be deleted now is a stray, which is found later."""
        with contextlib.suppress(OSError):
            self._bucket.delete([Version(key) for key in keys])


def new_spool() -> Any:
    """A file without a name. Raises StoreFull, or StoreAway if this machine has no folder for it."""
    try:
        with raising_store_full():
            try:
                return tempfile.TemporaryFile(buffering=0)
            except FileNotFoundError:
                Path(tempfile.gettempdir()).mkdir(mode=0o700, exist_ok=True)
                return tempfile.TemporaryFile(buffering=0)
    except OSError as fault:
        raise StoreAway(f"bytes on their way cannot be kept on this machine: {fault.strerror}") from fault

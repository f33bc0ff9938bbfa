"""Reading a blob in a bucket: its parts one after the other, as one file."""

import contextlib
import os
import time
from bisect import bisect_right
from operator import attrgetter
from typing import Any

from filsluss.blobs.bucket import Bucket, ObjectStream
from filsluss.blobs.part_table import Part, PartTable, end_of
from filsluss.blobs.protocol import BlobMissing, ObjectMissing, StoreAway
from filsluss.blobs.seekable import SeekableReader

TRIES = 3
"""Of reading on where a stream has broken off."""
LOOK_AGAIN = 1.0
"""Seconds for which the table's word that the blob is there is believed."""


class PartsReader(SeekableReader):
    """Without a descriptor: whoever wants to send it reads it. Raises StoreAway when it cannot go on."""

    def __init__(self, name: str, *, table: PartTable, bucket: Bucket) -> None:
        """Raises BlobMissing."""
        self._name, self._table, self._bucket = name, table, bucket
        self._stream: ObjectStream | None = None
        self._parts, self._looked_at = table.read(name)[1], time.monotonic()

    def end(self) -> int:
        return end_of(self._parts)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        before = self._at
        if super().seek(offset, whence) != before:
            self._end_stream()
        return self._at

    def readinto(self, buffer: Any) -> int:
        for _ in range(TRIES):
            part = self._part_here()
            if part is None:
                return 0
            view = memoryview(buffer)[: part.end - self._at]
            if not view:
                return 0
            if piece := self._piece(part, len(view)):
                view[: len(piece)] = piece
                self._at += len(piece)
                if self._at == part.end:
                    self._end_stream()
                return len(piece)
        raise StoreAway(f"the store broke off {TRIES} times in the middle of a part")

    def close(self) -> None:
        self._end_stream()
        super().close()

    def _part_here(self) -> Part | None:
        """The part that has the next byte; None at the end, and once the blob is erased."""
        if time.monotonic() - self._looked_at >= LOOK_AGAIN:
            self._looked_at = time.monotonic()
            if not self._table.exists(self._name):
                self._parts = []
        before = bisect_right(self._parts, self._at, key=attrgetter("start"))
        part = self._parts[before - 1] if before else None
        return part if part and self._at < part.end else None

    def _piece(self, part: Part, size: int) -> bytes:
        """Up to `size` bytes; none if the stream has broken off, or the part was replaced meanwhile."""
        if self._stream is None:
            self._stream = self._open(part)
        piece = b""
        if self._stream is not None:
            with contextlib.suppress(StoreAway):
                piece = self._stream.read(size)
        if not piece:
            self._end_stream()
        return piece

    def _open(self, part: Part) -> ObjectStream | None:
        """The rest of the part; None if another one has taken its place."""
        try:
            return self._bucket.get(part.key, self._at - part.start, part.size)
        except ObjectMissing:
            try:
                self._parts = self._table.read(self._name)[1]
            except BlobMissing:
                self._parts = []
            if self._part_here() == part:
                raise
            return None

    def _end_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

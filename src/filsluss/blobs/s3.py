"""Blobs in a bucket of an S3-compatible store: a blob is a row and its parts, each an object of its own."""

import contextlib
import io
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path

from filsluss.blobs.bucket import MOST_DELETED, Bucket, Version
from filsluss.blobs.digests import digests_of
from filsluss.blobs.part_table import KEY, PartTable, draw_part
from filsluss.blobs.protocol import (
    NO_EPOCH,
    UNLIMITED,
    BlobMissing,
    Bytes,
    Digests,
    Lease,
    LeaseLost,
    StoreAway,
    StoreFull,
    require_name,
)
from filsluss.blobs.s3_reader import PartsReader
from filsluss.blobs.s3_writer import PART, S3Writer, new_spool

PIECE = 1 << 20
ROUNDS = 20
"""How often the same is deleted again, before a store that goes on listing it is not believed any more."""


class S3Store:
    """The rows say what is stored: nothing is ever listed on the way of an upload or a download.

    Each part is a whole object. In a multipart upload none but the last may be smaller than 5 MiB and there
    are 10 000 at most, so that a remainder needs an object beside it and a file of unknown length a guess;
    and its end is a request of which nobody knows whether it was done, if the answer is lost.
    An object is stored before its part's row is written, and that row is deleted before or with it. So a
    crash leaves an object without a row at most, which `strays` finds. No key is ever used for other bytes.
    The blob's row is there before any object of it: whoever stores one and sleeps until it was erased as a
    stray, or the blob as an orphan, has lost the lease by then.
    """

    is_shared = True

    def __init__(self, bucket: Bucket, table: PartTable) -> None:
        self.bucket, self.table = bucket, table

    def create(self, name: str) -> None:
        require_name(name)
        self.table.create(name)

    def put(self, name: str, data: Bytes) -> None:
        require_name(name)
        self.table.create(name)
        if not data:
            return
        part = draw_part(name, 0, len(data))
        try:
            self.bucket.put(part.key, io.BytesIO(data), size=part.size)
            self.table.add(name, part, epoch=0)
        except BaseException as fault:
            with contextlib.suppress(Exception):  # what is left is an orphan
                self.discard(name)
            if isinstance(fault, LeaseLost):
                raise StoreAway("the blob was erased while it was stored") from None
            raise

    def discard(self, name: str) -> None:
        self.table.forget(name)

    @contextlib.contextmanager
    def writer(self, name: str, lease: Lease = NO_EPOCH) -> Iterator[S3Writer]:
        epoch, parts = self.table.read_end(name, PART)
        if lease.epoch not in (None, epoch):
            raise LeaseLost(name)
        writer = S3Writer(name, parts, epoch=epoch, table=self.table, bucket=self.bucket)
        with contextlib.closing(writer):
            yield writer
            writer.sync()

    def size(self, name: str) -> int:
        return self.table.size(name)

    def exists(self, name: str) -> bool:
        return self.table.exists(name)

    def open(self, name: str) -> io.BufferedReader:
        return io.BufferedReader(PartsReader(name, table=self.table, bucket=self.bucket), PIECE)

    def digests(self, name: str) -> Digests:
        with self.open(name) as file:
            return digests_of(file)

    def erase(self, name: str) -> None:
        """Every version and every mark of a deletion goes, until none is listed; then the row goes.

        Also what the rows know of, if the list does not have it: a list may be older than what it lists.
        """
        require_name(name)
        unlisted, deleted, in_vain = self._keys_of(name), set[tuple[str, str]](), 0
        while in_vain < ROUNDS:
            found = list(islice(self.bucket.versions(f"{name}/"), MOST_DELETED))
            found = found or [Version(key) for key in islice(unlisted, MOST_DELETED)]
            if not found:
                return self.table.forget(name)
            self.bucket.delete(found)
            unlisted -= {each.key for each in found}
            numbers = {(each.key, each.number) for each in found}
            in_vain += numbers <= deleted
            deleted |= numbers
        raise StoreAway("the store goes on listing what was deleted")

    def _keys_of(self, name: str) -> set[str]:
        try:
            return {part.key for part in self.table.read(name)[1]}
        except BlobMissing:
            return set()

    def names(self) -> Iterator[tuple[str, datetime]]:
        return self.table.names()

    def strays(self, before: datetime) -> Iterator[str]:
        """Objects of no part, older versions, and marks of deletions, each as `key?number`.

        Only under keys that are a part's: what else lies in the bucket is somebody else's.
        """
        versions = self.bucket.versions()
        while batch := list(islice(versions, MOST_DELETED)):
            aged = [each for each in batch if each.modified < before and KEY.fullmatch(each.key)]
            known = self.table.known({each.key for each in aged if each.is_current})
            yield from (
                f"{each.key}?{each.number}" for each in aged if not (each.is_current and each.key in known)
            )

    def erase_stray(self, stray: str) -> None:
        key, _, number = stray.partition("?")
        if not (self.table.known({key}) and number in self._current(key)):
            self.bucket.delete([Version(key, number)])

    def _current(self, key: str) -> list[str]:
        """The number of the version that a reader of that key gets; none if there is no such object."""
        return [each.number for each in self.bucket.versions(key) if each.is_current]

    def answers(self) -> bool:
        try:
            self.bucket.look(quick=True)
            new_spool().close()
        except (StoreAway, StoreFull):
            return False
        return True

    def space(self) -> tuple[int, int]:
        return UNLIMITED

    def shares_disk_with(self, path: Path) -> bool:  # noqa: ARG002
        return False

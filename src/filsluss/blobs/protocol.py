"""What a blob store and its locker promise, verb by verb, and the exceptions that they raise."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple, Protocol

Bytes = bytes | bytearray | memoryview
NAME = re.compile(r"[A-Za-z0-9_-]{22}")


class BlobMissing(LookupError):
    """There is no blob with that name. Permanent: a name is never given to a second blob."""


class BlobBusy(Exception):
    """Somebody else holds the blob and did not release it in time. Passes: try again."""


class StoreFull(Exception):
    """The disk, the quota or the inodes are used up. Passes. Bytes stored before are kept."""


class BlobDamaged(Exception):
    """Bytes could not be made to last. Permanent: a later success says nothing about what was lost."""


class StoreAway(OSError):
    """The store does not answer, not in time, or not as it should. Passes: try again. One line says why."""


class StoreRefused(StoreAway):
    """The store answers and does not do it: a wrong key, a policy, a bucket that is not there. One line."""


class ObjectRefused(StoreRefused):
    """The store refuses it of this blob, and perhaps of no other. One line."""


class ObjectMissing(ObjectRefused):
    """The store says that it lacks bytes of a blob that is there. One line.

    It may be one that answers from a copy that lags behind: only who is told so again an hour later believes
    that they are lost.
    """


class LeaseLost(Exception):
    """A newer lease of the blob was given meanwhile: nothing that this holder still does counts.

    Permanent for this lease. Raised only by a store whose holders can be cut off without knowing.
    """


def require_name(name: str) -> None:
    """Raises BlobMissing for what can be no blob's name: a name is never a path."""
    if not NAME.fullmatch(name):
        raise BlobMissing(name)


class Digests(NamedTuple):
    """SHA-256 in hexadecimal digits, and CRC-32 as in ZIP archives."""

    sha256: str
    crc32: int


class Allowance(Protocol):
    """Says how far a writer may go; whatever it raises ends the write, and the bytes before are kept."""

    def allowed(self, offset: int) -> int:
        """How many bytes may be written from `offset` on before it is asked again, at least one."""


class OpenFile(NamedTuple):
    """A blob's name, a descriptor to read and write by while the lease lasts, and its size in bytes."""

    name: str
    fd: int
    size: int


class Lease(NamedTuple):
    """The right to write or erase a blob, while the context that gave it is open.

    `epoch` is the number of the lease, for a locker whose holder may be cut off without knowing: every change
    that the holder makes then says `WHERE epoch = …`. None where a holder cannot be cut off, as the lock ends
    with its process: then the number in the row is the right one.

    `file` is the blob's file, if the locker has opened it.
    """

    epoch: int | None = None
    file: OpenFile | None = None


NO_EPOCH = Lease()


class Locker(Protocol):
    """Who may write a blob. At most one lease of a blob is good at a time, whatever machine or process.

    Safe in any thread, and in a process that was forked. Nothing of it rests on clocks that agree: who waits
    measures its own time, and a holder is known by what ends with it.
    """

    def hold(
        self, name: str, *, patience: float = 5.0, on_release_asked: Callable[[], None] | None = None
    ) -> AbstractContextManager[Lease]:
        """The blob's only lease; who holds it is asked to release it within `patience` seconds.

        `on_release_asked` is called from another thread, perhaps several times, when somebody waits for the
        blob. A lease ends when its context does, or when its process or machine does; where a lease has a
        number it may also be taken from a holder that does not let go in time. Not reentrant: a second
        `hold` of one thread waits for the first. Raises BlobBusy (changes nothing, try again), and
        BlobMissing if there is no such blob, also if it was erased while we waited.
        """

    def is_held(self, name: str) -> bool:
        """Whether somebody holds it just now; asks nobody to release it. False for a blob that is missing."""


class Writer(Protocol):
    """The only writer of a blob while it is open, for one thread at a time. Offsets and sizes are bytes."""

    offset: int
    allowance: Allowance | None
    """Asked before bytes are written; without one every byte may be."""

    def allowed(self) -> int:
        """How many bytes may be written now, at least one; raises what `allowance` raises."""

    def write(self, data: Bytes) -> None:
        """Writes at `offset` and advances it; on StoreFull `offset` is the end of what was stored.

        Not repeated as such: after any other error `offset` says what was taken. Raises StoreAway and
        LeaseLost where bytes leave the machine while they are written.
        """

    def fileno(self) -> int:
        """A descriptor for writing at `position` inside the kernel (splice); report the bytes to `moved`."""

    @property
    def position(self) -> int:
        """Where in that descriptor the byte at `offset` goes."""

    def moved(self, count: int) -> None:
        """Advances `offset` by bytes that were written through `fileno`."""

    def truncate(self, size: int) -> None:
        """Drops every byte from `size` on. May be repeated."""

    def sync(self, *, keep: int = 0) -> None:
        """Returns when every byte up to `offset` lasts through a power cut; may be repeated after that.

        Raises BlobDamaged, StoreFull or StoreAway if some may not, and LeaseLost. Then bytes from `keep` on
        (what was made to last earlier) that may not last are dropped, so that a later sync, which would
        succeed, cannot be believed for them; `offset` is the end of what was kept.
        """


UNLIMITED = 1 << 60, 1 << 60
"""The space of a store that tells of no limit."""


class Store(Protocol):
    """Blobs by name. A verb that changes one blob wants its lease (`Locker`), except `create` and `put`.

    Safe in any thread, and in a process that was forked. Any verb of a store on other machines may raise
    StoreAway, after it has tried again by itself; so may a file that it has opened, while it is read. What
    reads may be repeated; of what changes each verb says so.
    """

    is_shared: bool
    """Whether processes on several machines may use it."""

    def create(self, name: str) -> None:
        """Creates an empty blob that survives a power cut once this returns.

        Raises FileExistsError (permanent: draw another name), StoreFull, or OSError. After an error the blob
        may exist or not: go on with another name, and the orphan is erased later.
        """

    def put(self, name: str, data: Bytes) -> None:
        """Creates a blob with all of its bytes, which survive a power cut once this returns.

        Raises FileExistsError (permanent: draw another name; the blob of that name is as it was), StoreFull,
        BlobDamaged, or OSError. After any other error than the first it is not there for a reader, but may
        come back with a power cut: go on with another name, and the orphan is erased later.
        """

    def discard(self, name: str) -> None:
        """Undoes a `create` or `put` that was done just now, of a blob that nobody else knows of.

        Wants no lease, and asks nothing of a store on other machines: there the bytes of a `put` are strays
        then. After an error the blob is an orphan.
        """

    def writer(self, name: str, lease: Lease = NO_EPOCH) -> AbstractContextManager[Writer]:
        """The writer at the end of the blob. The caller holds its lease. Raises BlobMissing, LeaseLost.

        Bytes that were written are there for a reader when its context ends, if it ends without an error.
        """

    def size(self, name: str) -> int:
        """Bytes that a reader would find, acknowledged or not; raises BlobMissing."""

    def exists(self, name: str) -> bool:
        """Whether there is a blob of that name; False also for what can be no name."""

    def open(self, name: str) -> BufferedReader:
        """The blob as a file, on a disk with a descriptor (for sendfile); raises BlobMissing.

        Whoever has it open when it is erased gets no more bytes, at the latest a second later.
        """

    def digests(self, name: str) -> Digests:
        """Of the whole blob, computed by reading it; raises BlobMissing."""

    def erase(self, name: str) -> None:
        """Erases the blob so that it stays erased after a power cut. The caller holds its lease.

        May be repeated, and is after any error: OSError means that it may come back. A repetition does all of
        it again, and does not take an earlier attempt's word. Harmless for a blob that never was.
        """

    def names(self) -> Iterator[tuple[str, datetime]]:
        """Every blob with the time of its last write (aware, UTC), in any order.

        One that is created or erased meanwhile is told of or not.
        """

    def strays(self, before: datetime) -> Iterator[str]:
        """What lies in the store from before that time and belongs to no blob, as `erase_stray` takes it.

        Each begins with the name of the blob that it would be of, and a slash.
        """

    def erase_stray(self, stray: str) -> None:
        """Erases it, so that it stays erased, but nothing that belongs to a blob by now; may be repeated.

        The caller holds the lease of the blob that it would be of, if there is one: so a writer that slept
        since it stored the bytes meets LeaseLost in place of telling anybody that they are there.
        """

    def answers(self) -> bool:
        """Whether it can be written to just now, asked quickly."""

    def space(self) -> tuple[int, int]:
        """Free and total bytes, as this process may use them; UNLIMITED if nobody sets a limit."""

    def shares_disk_with(self, path: Path) -> bool:
        """Whether blobs use up the room of that file's disk; called after `space`."""

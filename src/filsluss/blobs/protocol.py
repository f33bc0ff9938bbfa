"""What a blob store can do: the promise that disk keeps, and that others must."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from io import BufferedReader
from typing import Protocol

Bytes = bytes | bytearray | memoryview


class BlobMissing(LookupError):
    """There is no blob of that name."""


class BlobBusy(Exception):
    """Somebody else is writing and did not let go in time."""


class StoreFull(Exception):
    """No room: the disk, the quota or the inodes are used up. What was stored before is kept."""


class BlobDamaged(Exception):
    """The store failed to put bytes on disk: nothing written since the last sync can be trusted."""


class Writer(Protocol):
    """The only writer of a blob, for as long as it is open."""

    offset: int

    def write(self, data: Bytes) -> None:
        """Appends at `offset` and moves it; raises StoreFull with `offset` at what was stored."""

    def fileno(self) -> int:
        """A descriptor that a kernel copy may write to at `offset`; tell `moved` what it did."""

    def moved(self, count: int) -> None: ...

    def truncate(self, size: int) -> None:
        """Forgets every byte from `size` on."""

    def sync(self) -> None:
        """Returns when every byte up to `offset` is on disk; raises BlobDamaged if that failed."""


class Store(Protocol):
    def create(self, name: str) -> None:
        """An empty blob that is still there after a power cut."""

    def writer(
        self, name: str, *, patience: float = 5.0, on_release_asked: Callable[[], None] | None = None
    ) -> AbstractContextManager[Writer]:
        """Takes the blob over from whoever writes it now, who gets `patience` seconds to let go.

        `on_release_asked` is called, from another thread, when somebody newer wants the blob.
        Raises BlobMissing or BlobBusy.
        """

    def size(self, name: str) -> int: ...

    def exists(self, name: str) -> bool: ...

    def is_being_written(self, name: str) -> bool: ...

    def open(self, name: str) -> BufferedReader:
        """The blob as a real file, for sendfile; raises BlobMissing."""

    def sha256(self, name: str) -> str:
        """Hex digest of the whole blob, read from the store."""

    def erase(self, name: str) -> None:
        """Gone, and still gone after a power cut; harmless if it was gone before. Raises BlobBusy."""

    def names(self) -> Iterator[tuple[str, datetime]]:
        """Every blob with when it was last written (aware, UTC)."""

    def space(self) -> tuple[int, int]:
        """Free and total bytes for this process."""

"""The blob store's interface, and the exceptions an implementation raises."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple, Protocol

Bytes = bytes | bytearray | memoryview


class BlobMissing(LookupError):
    """There is no blob with that name."""


class BlobBusy(Exception):
    """Another writer holds the blob and did not release it in time."""


class StoreFull(Exception):
    """The disk, the quota or the inodes are used up. Bytes stored before are kept."""


class BlobDamaged(Exception):
    """Syncing to disk failed: nothing written since the last successful sync can be trusted."""


class Digests(NamedTuple):
    """SHA-256 in hexadecimal digits, and CRC-32 as in ZIP archives."""

    sha256: str
    crc32: int


class Allowance(Protocol):
    """Says how far a writer may go; whatever it raises ends the write, and the bytes before are kept."""

    def allowed(self, offset: int) -> int:
        """How many bytes may be written from `offset` on before it is asked again, at least one."""


class Writer(Protocol):
    """The only writer of a blob while it is open. Offsets and sizes are bytes."""

    offset: int
    allowance: Allowance | None
    """Asked before bytes are written; without one every byte may be."""

    def allowed(self) -> int:
        """How many bytes may be written now, at least one; raises what `allowance` raises."""

    def write(self, data: Bytes) -> None:
        """Writes at `offset` and advances it; on StoreFull `offset` is the end of what was stored."""

    def fileno(self) -> int:
        """A descriptor for writing at `offset` inside the kernel (splice); report the bytes to `moved`."""

    def moved(self, count: int) -> None:
        """Advances `offset` by bytes that were written through `fileno`."""

    def truncate(self, size: int) -> None:
        """Drops every byte from `size` on."""

    def sync(self) -> None:
        """Returns when every byte up to `offset` is on disk; raises BlobDamaged if that failed."""


class Store(Protocol):
    def create(self, name: str) -> None:
        """Creates an empty blob that survives a power cut; raises FileExistsError or StoreFull."""

    def put(self, name: str, data: Bytes) -> None:
        """Creates a blob with all of its bytes, which survives a power cut.

        Raises FileExistsError, StoreFull or BlobDamaged; then there is no such blob of ours.
        """

    def writer(
        self, name: str, *, patience: float = 5.0, on_release_asked: Callable[[], None] | None = None
    ) -> AbstractContextManager[Writer]:
        """The exclusive writer; the current one is asked to release the blob within `patience` seconds.

        `on_release_asked` is called from another thread when a newer writer asks for the blob.
        Raises BlobMissing or BlobBusy.
        """

    def size(self, name: str) -> int:
        """Bytes written so far, acknowledged or not; raises BlobMissing."""

    def exists(self, name: str) -> bool: ...

    def is_being_written(self, name: str) -> bool: ...

    def open(self, name: str) -> BufferedReader:
        """The blob as a file with a descriptor (for sendfile); raises BlobMissing."""

    def digests(self, name: str) -> Digests:
        """Of the whole blob, computed by reading it; raises BlobMissing."""

    def erase(self, name: str) -> None:
        """Erases the blob so that it stays erased after a power cut; idempotent. Raises BlobBusy."""

    def names(self) -> Iterator[tuple[str, datetime]]:
        """Every blob with the time of its last write (aware, UTC)."""

    def space(self) -> tuple[int, int]:
        """Free and total bytes, as this process may use them."""

    def shares_disk_with(self, path: Path) -> bool:
        """Whether blobs use up the room of that file's disk; called after `space`."""

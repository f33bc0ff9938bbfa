"""A lease, and under it the writing or the erasure of the blob."""

import contextlib
from collections.abc import Callable, Iterator

from filsluss.blobs.protocol import BlobMissing, Lease, Locker, Store, Writer


@contextlib.contextmanager
def held_writer(
    name: str,
    *,
    store: Store,
    locker: Locker,
    patience: float = 5.0,
    on_release_asked: Callable[[], None] | None = None,
) -> Iterator[tuple[Writer, Lease]]:
    """The blob's only writer and its lease; raises what `Locker.hold` and `Store.writer` do."""
    with (
        locker.hold(name, patience=patience, on_release_asked=on_release_asked) as lease,
        store.writer(name, lease) as writer,
    ):
        yield writer, lease


def erase_held(name: str, *, store: Store, locker: Locker) -> None:
    """Erases the blob, whose writer is asked to release it; may be repeated. Raises BlobBusy or OSError."""
    try:
        with locker.hold(name):
            store.erase(name)
    except BlobMissing:
        store.erase(name)  # nobody can hold what is not there; what removed it may have crashed half-way


def erase_stray_held(stray: str, *, store: Store, locker: Locker) -> None:
    """Erases it; may be repeated. Raises BlobBusy while somebody holds its blob, who is not asked."""
    try:
        with locker.hold(stray.partition("/")[0], patience=0):
            store.erase_stray(stray)
    except BlobMissing:
        store.erase_stray(stray)

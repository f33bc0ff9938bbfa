"""Blob storage: a store with a few operations and its locker, for a disk or a bucket."""

from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from filsluss import machine
from filsluss.blobs.digests import Digester
from filsluss.blobs.disk import DiskStore
from filsluss.blobs.held import erase_held, erase_stray_held, held_writer
from filsluss.blobs.locks import FlockLocker
from filsluss.blobs.protocol import (
    Allowance,
    BlobBusy,
    BlobDamaged,
    BlobMissing,
    Bytes,
    Digests,
    Lease,
    LeaseLost,
    Locker,
    ObjectMissing,
    ObjectRefused,
    Store,
    StoreAway,
    StoreFull,
    StoreRefused,
    Writer,
)

__all__ = [
    "Allowance",
    "BlobBusy",
    "BlobDamaged",
    "BlobMissing",
    "Bytes",
    "Digester",
    "Digests",
    "Lease",
    "LeaseLost",
    "Locker",
    "ObjectMissing",
    "ObjectRefused",
    "Store",
    "StoreAway",
    "StoreFull",
    "StoreRefused",
    "Writer",
    "erase_held",
    "erase_stray_held",
    "held_writer",
    "open_locker",
    "open_store",
]


@lru_cache
def open_store(url: str) -> Store:
    """The store at `file:///folder`; raises ValueError for any other kind of URL.

    One in a bucket needs more than its URL: `s3.S3Store`, whose package is there only where it is used.
    """
    return _disk(url)


@lru_cache
def open_locker(url: str) -> Locker:
    """The locker of the store at that URL, one for each process; raises ValueError as `open_store` does."""
    disk = _disk(url)
    return FlockLocker(disk.root / "locks", disk.file_of, host=machine.boot_id())


def _disk(url: str) -> DiskStore:
    parts = urlsplit(url)
    if parts.scheme != "file" or not parts.path:
        raise ValueError(f"there is no blob store for {url!r}")
    return DiskStore(Path(unquote(parts.path)))

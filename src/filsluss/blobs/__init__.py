"""Blob storage: a store with a few operations, opened by its URL."""

from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from filsluss.blobs.disk import DiskStore
from filsluss.blobs.protocol import (
    Allowance,
    BlobBusy,
    BlobDamaged,
    BlobMissing,
    Bytes,
    Digests,
    Store,
    StoreFull,
    Writer,
)

__all__ = [
    "Allowance",
    "BlobBusy",
    "BlobDamaged",
    "BlobMissing",
    "Bytes",
    "Digests",
    "Store",
    "StoreFull",
    "Writer",
    "open_store",
]


@lru_cache
def open_store(url: str) -> Store:
    """The store at `file:///folder`; raises ValueError for any other kind of URL."""
    parts = urlsplit(url)
    if parts.scheme != "file" or not parts.path:
        raise ValueError(f"there is no blob store for {url!r}")
    return DiskStore(Path(unquote(parts.path)))

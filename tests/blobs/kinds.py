"""The kinds of stores and lockers that there are; what one test says of one is said of all.

One more is a class here, its name in KINDS, and a fixture `NAME_kind` in conftest.py.
"""

from dataclasses import dataclass
from typing import Protocol

from filsluss import blobs
from filsluss.blobs import Locker, Store
from filsluss.blobs.leases import PostgresLocker
from tests.parts import bucket_store

KINDS = ("disk", "bucket")


class Kind(Protocol):
    """An empty store and its locker. It can be pickled: any process can open them."""

    @property
    def notices_erasure_after(self) -> float:
        """Seconds after which whoever has an erased blob open gets no more bytes."""

    def open_store(self) -> Store: ...

    def open_locker(self) -> Locker: ...


@dataclass(frozen=True)
class DiskKind:
    url: str
    notices_erasure_after = 0.0

    def open_store(self) -> Store:
        return blobs.open_store(self.url)

    def open_locker(self) -> Locker:
        return blobs.open_locker(self.url)


@dataclass(frozen=True)
class BucketKind:
    """The bucket of that address, and the PostgreSQL database with the tables of its parts and leases."""

    url: str
    database: str
    notices_erasure_after = 1.1

    def open_store(self) -> Store:
        return bucket_store.open_store(self.url, self.database)

    def open_locker(self) -> Locker:
        return bucket_store.open_locker(self.database)


def cut_off(locker: PostgresLocker, blob: str) -> None:
    """As if the holder's process had ended."""
    with locker._database.transaction() as cursor:
        cursor.execute("UPDATE filsluss_blob SET holder = '1.1' WHERE name = %s", [blob])

"""The kinds of stores and lockers that there are; what one test says of one is said of all."""

from dataclasses import dataclass

from filsluss import blobs
from filsluss.blobs import Locker, Store
from filsluss.blobs.leases import PostgresLocker
from tests.parts import bucket_store


@dataclass(frozen=True)
class Kind:
    """An empty store and its locker, by where their bytes and rows lie; any process can open them."""

    url: str
    database: str = ""

    def open_store(self) -> Store:
        return (
            bucket_store.open_store(self.url, self.database) if self.database else blobs.open_store(self.url)
        )

    def open_locker(self) -> Locker:
        return bucket_store.open_locker(self.database) if self.database else blobs.open_locker(self.url)

    @property
    def notices_erasure_after(self) -> float:
        """Seconds after which whoever has an erased blob open gets no more bytes."""
        return 1.1 if self.database else 0.0


def cut_off(locker: PostgresLocker, blob: str) -> None:
    """As if the holder's process had ended."""
    with locker._database.transaction() as cursor:
        cursor.execute("UPDATE filsluss_blob SET holder = '1.1' WHERE name = %s", [blob])

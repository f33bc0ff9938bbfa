"""The table of the parts that blobs in a bucket consist of: what it says is stored, and nothing else is."""

import re
import secrets
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from filsluss.blobs.database import Cursor, Database
from filsluss.blobs.protocol import NAME, BlobMissing, LeaseLost

BATCH = 1000
KEY = re.compile(rf"{NAME.pattern}/[0-9]{{14}}-[0-9a-f]{{16}}")
"""The key of a part, as `draw_part` draws it."""

READ = """
    SELECT b.epoch, p.key, p.start, p.size FROM filsluss_blob b LEFT JOIN filsluss_part p ON p.blob = b.name
    WHERE b.name = %(name)s ORDER BY p.start
"""
READ_END = """
    WITH last AS (SELECT * FROM filsluss_part WHERE blob = %(name)s ORDER BY start DESC LIMIT 1)
    SELECT b.epoch, p.key, p.start, p.size FROM filsluss_blob b LEFT JOIN filsluss_part p
        ON p.blob = b.name AND p.start >= (SELECT least(start, start + size - %(span)s) FROM last)
    WHERE b.name = %(name)s ORDER BY p.start
"""
ADD = """
    WITH held AS (
        UPDATE filsluss_blob SET touched_at = now() WHERE name = %(name)s AND epoch = %(epoch)s RETURNING name
    ), gone AS (
        DELETE FROM filsluss_part USING held WHERE blob = held.name AND start >= %(start)s RETURNING key
    ), added AS (
        INSERT INTO filsluss_part (blob, key, start, size)
        SELECT name, %(key)s, %(start)s, %(size)s FROM held WHERE (SELECT count(*) FROM gone) >= 0
    )
    SELECT gone.key FROM held LEFT JOIN gone ON true
"""
"""No row if the lease is lost. The count has the others deleted first: no two parts begin at one place."""


class Part(NamedTuple):
    """`size` bytes of a blob from `start` on: the first ones of the object with that key."""

    key: str
    start: int
    size: int

    @property
    def end(self) -> int:
        return self.start + self.size


def draw_part(name: str, start: int, size: int) -> Part:
    """A part of that blob with a key that was never used, so that what lies there is never overwritten."""
    return Part(f"{name}/{start:014d}-{secrets.token_hex(8)}", start, size)


class PartTable:
    """Rows of `filsluss_blob` and `filsluss_part`. Every change of a blob's parts names the epoch of a lease:

    the statement that compares it also locks the blob's row, so that either this change is whole before a
    newer lease is given, or it raises LeaseLost and changes nothing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str) -> None:
        """Raises FileExistsError."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO filsluss_blob (name, epoch, holder, touched_at) VALUES (%s, 0, '', now())"
                " ON CONFLICT DO NOTHING",
                [name],
            )
            if cursor.rowcount == 0:
                raise FileExistsError(name)

    def read(self, name: str) -> tuple[int, list[Part]]:
        """The blob's epoch, and its parts in order; raises BlobMissing."""
        return self._read(READ, {"name": name})

    def read_end(self, name: str, span: int) -> tuple[int, list[Part]]:
        """The same, of its last part and of those that begin within `span` bytes of its end."""
        return self._read(READ_END, {"name": name, "span": span})

    def _read(self, query: str, given: dict[str, object]) -> tuple[int, list[Part]]:
        with self._database.transaction() as cursor:
            cursor.execute(query, given)
            rows = cursor.fetchall()
        if not rows:
            raise BlobMissing(given["name"])
        return rows[0][0], [Part(*row[1:]) for row in rows if row[1] is not None]

    def size(self, name: str) -> int:
        """Bytes of the blob; raises BlobMissing."""
        _, parts = self.read_end(name, 0)
        return end_of(parts)

    def exists(self, name: str) -> bool:
        with self._database.transaction() as cursor:
            cursor.execute("SELECT 1 FROM filsluss_blob WHERE name = %s", [name])
            return bool(cursor.fetchall())

    def add(self, name: str, part: Part, *, epoch: int) -> list[str]:
        """Writes down a part that is stored, in place of all that begin where it does or later.

        Returns the keys of those. Raises LeaseLost.
        """
        with self._database.transaction() as cursor:
            cursor.execute(ADD, {"name": name, "epoch": epoch, **part._asdict()})
            told = cursor.fetchall()
        if not told:
            raise LeaseLost(name)
        return [key for (key,) in told if key is not None]

    def truncate(self, name: str, size: int, *, epoch: int) -> list[str]:
        """Drops every byte from `size` on; returns the keys of parts that are gone. Raises LeaseLost."""
        with self._database.transaction() as cursor:
            self._require(cursor, name, epoch)
            gone = self._cut(cursor, name, size)
            cursor.execute(
                "UPDATE filsluss_part SET size = %s - start WHERE blob = %s AND start + size > %s",
                [size, name, size],
            )
        return gone

    def require(self, name: str, *, epoch: int) -> None:
        """Raises LeaseLost if a newer lease was given."""
        with self._database.transaction() as cursor:
            self._require(cursor, name, epoch)

    def forget(self, name: str) -> None:
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM filsluss_part WHERE blob = %s", [name])
            cursor.execute("DELETE FROM filsluss_blob WHERE name = %s", [name])

    def names(self) -> Iterator[tuple[str, datetime]]:
        """Every blob, with the time of its last change; no connection is kept between batches."""
        last = ""
        while True:
            with self._database.transaction() as cursor:
                cursor.execute(
                    "SELECT name, touched_at FROM filsluss_blob WHERE name > %s ORDER BY name LIMIT %s",
                    [last, BATCH],
                )
                rows = cursor.fetchall()
            yield from ((name, at) for name, at in rows)
            if len(rows) < BATCH:
                return
            last = rows[-1][0]

    def known(self, keys: Collection[str]) -> set[str]:
        """Those of the keys that are of some part."""
        with self._database.transaction() as cursor:
            cursor.execute("SELECT key FROM filsluss_part WHERE key = ANY(%s)", [list(keys)])
            return {key for (key,) in cursor.fetchall()}

    def clock(self) -> datetime:
        """The time, as the database has it."""
        with self._database.transaction() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            ((now,),) = cursor.fetchall()
        assert isinstance(now, datetime)
        return now

    @staticmethod
    def _require(cursor: Cursor, name: str, epoch: int) -> None:
        cursor.execute(
            "UPDATE filsluss_blob SET touched_at = now() WHERE name = %s AND epoch = %s", [name, epoch]
        )
        if cursor.rowcount == 0:
            raise LeaseLost(name)

    @staticmethod
    def _cut(cursor: Cursor, name: str, start: int) -> list[str]:
        cursor.execute(
            "DELETE FROM filsluss_part WHERE blob = %s AND start >= %s RETURNING key", [name, start]
        )
        return [key for (key,) in cursor.fetchall()]


def end_of(parts: Sequence[Part]) -> int:
    """How many bytes they are."""
    return parts[-1].end if parts else 0

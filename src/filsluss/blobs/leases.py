"""The locker of several machines: leases in PostgreSQL, each with a number, and a request to let go."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator

from filsluss.blobs.database import Database
from filsluss.blobs.protocol import BlobBusy, BlobMissing, Lease

log = logging.getLogger(__name__)

CHANNEL = "filsluss_release"
TAKEN_OVER_AFTER = 3.0
"""Seconds after which the lease of a holder that was asked and did not let go is taken from it."""
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.1
"""Seconds between two tries while waiting, which grow."""
START_SECONDS = 5.0
"""How long a lease waits for its process's listener, when that has just begun or its connection has ended."""

IDENTITY = "pid || '.' || extract(epoch FROM backend_start)"
"""Of a connection in pg_stat_activity, as `Listener.identity` says it."""
NEXT = "GREATEST(epoch + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)"
"""Never given before, even if the rows have gone back in time, as where a standby that lagged takes over."""
TAKE = f"""
    UPDATE filsluss_blob SET epoch = {NEXT}, holder = %(us)s
    WHERE name = %(name)s AND (holder = '' OR epoch = %(stalled)s OR NOT EXISTS (
        SELECT FROM pg_stat_activity WHERE {IDENTITY} = holder
    ))
    RETURNING epoch
"""  # noqa: S608 -- of constants
RELEASE = "UPDATE filsluss_blob SET holder = '' WHERE name = %s AND epoch = %s"
IS_HELD = f"""
    SELECT 1 FROM filsluss_blob
    WHERE name = %s AND holder IN (SELECT {IDENTITY} FROM pg_stat_activity)
"""  # noqa: S608


class PostgresLocker:
    """A lease is a number in the blob's row, a higher one for each holder, and the holder's name there.

    A holder may be cut off without knowing: whatever it then does in the name of its number changes nothing,
    as every change says `WHERE epoch = …`. So a lease can be taken from a process that stalls. The holder's
    name is that of its process's listening connection: when the process has ended, or its machine, the server
    knows of no such connection, and nobody waits for it. Nothing else rests on that name.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asked: dict[str, Callable[[], None]] = {}
        """What to do when somebody asks for a lease of ours, by its blob and number."""
        database.listener.hear(CHANNEL, self._hear)

    @contextlib.contextmanager
    def hold(
        self, name: str, *, patience: float = 5.0, on_release_asked: Callable[[], None] | None = None
    ) -> Iterator[Lease]:
        epoch = self._acquire(name, patience)
        lease = f"{name} {epoch}"
        try:
            if on_release_asked:
                self._asked[lease] = on_release_asked
            yield Lease(epoch)
        finally:
            self._asked.pop(lease, None)
            self._release(name, epoch)

    def is_held(self, name: str) -> bool:
        with self._database.transaction() as cursor:
            cursor.execute(IS_HELD, [name])
            return bool(cursor.fetchall())

    def _acquire(self, name: str, patience: float) -> int:
        us = self._our_name()
        began = asked_at = time.monotonic()
        pause, asked = FIRST_PAUSE, -1
        while True:
            now = time.monotonic()
            stalled = asked if now - asked_at >= TAKEN_OVER_AFTER else -1
            if (epoch := self._try(name, us, stalled)) is not None:
                return epoch
            if now - began >= patience:
                raise BlobBusy(name) if self._is_there(name) else BlobMissing(name)
            if (holders := self._ask(name)) != asked:
                asked, asked_at = holders, now
            self._database.let_go()
            time.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 1.5)

    def _our_name(self) -> str:
        """Whoever must wait for it holds no connection meanwhile. Raises BlobBusy."""
        listener = self._database.listener
        if not (us := listener.identity(0)):
            self._database.let_go()
            us = listener.identity(START_SECONDS)
        if not us:
            raise BlobBusy("the database cannot be listened to")
        return us

    def _try(self, name: str, us: str, stalled: int) -> int | None:
        """The number of our lease; None if somebody has it whose number is not `stalled`."""
        with self._database.transaction() as cursor:
            cursor.execute(TAKE, {"us": us, "name": name, "stalled": stalled})
            taken = cursor.fetchall()
        return int(taken[0][0]) if taken else None

    def _is_there(self, name: str) -> bool:
        with self._database.transaction() as cursor:
            cursor.execute("SELECT 1 FROM filsluss_blob WHERE name = %s", [name])
            return bool(cursor.fetchall())

    def _ask(self, name: str) -> int:
        """Asks the holder to let go; returns the number of its lease. Raises BlobMissing."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "SELECT epoch, pg_notify(%s, name || ' ' || epoch) FROM filsluss_blob WHERE name = %s",
                [CHANNEL, name],
            )
            found = cursor.fetchall()
        if not found:
            raise BlobMissing(name)
        return int(found[0][0])

    def _hear(self, lease: str) -> None:
        if release := self._asked.get(lease):
            release()

    def _release(self, name: str, epoch: int) -> None:
        try:
            with self._database.transaction() as cursor:
                cursor.execute(RELEASE, [name, epoch])
        except Exception as fault:  # noqa: BLE001 - whatever the database said: the next one takes it over
            log.warning("a lease could not be released, and will be taken over: %s", type(fault).__name__)

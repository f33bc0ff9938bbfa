"""Claims: who is sending a letter, and when a claim is stale, by its heartbeats and a monotonic clock."""

import logging
import secrets
import socket
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.db import DatabaseError, connection
from django.db.models import F, QuerySet

from filsluss.models import Letter

log = logging.getLogger(__name__)

LEASE, RENEWAL = 60.0, 10.0
"""Seconds without a new heartbeat after which a claim is stale, and the seconds between two heartbeats."""
BOOT_ID, NETWORK = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/net")
NO_SOCKET = "-"

Heartbeats = tuple[str, int]


class Claimant:
    """One who takes letters, and what he has seen of others who hold one.

    No wall clock counts: whoever has not changed his sign for a lease under my eyes is dead to me.
    """

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Heartbeats, float]] = {}
        self._token = secrets.token_hex(8)
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._door.bind(socket_address(self._token))
            self.name = f"{network_namespace()}/{self._token}"
        except OSError:
            self.name = f"{NO_SOCKET}/{self._token}"

    def release(self) -> None:
        """What the kernel does for a process that ends, however it ends."""
        self._door.close()

    def is_claimable(self, letter: Letter) -> bool:
        """Whether it is free, or in the hands of one who is dead as far as can be told."""
        if not letter.claimed_by or has_exited(letter.claimed_by):
            return True
        sign, now = (letter.claimed_by, letter.claim_count), time.monotonic()
        last, since = self._seen.get(letter.pk, (("", 0), now))
        if last != sign:
            self._seen[letter.pk] = sign, now
            return False
        return now - since >= LEASE

    def take(self, letter: Letter) -> bool:
        """False if another was quicker, or its claimed_by has given a sign meanwhile."""
        claim = f"{self.name}.{secrets.token_hex(4)}"
        as_seen = claimed(letter).filter(claim_count=letter.claim_count)
        if not as_seen.update(claimed_by=claim, claim_count=F("claim_count") + 1, tries=F("tries") + 1):
            return False
        if letter.claimed_by:
            log.warning("letter %s is taken from a postman who gave no sign", letter.key)
        letter.claimed_by, letter.tries = claim, letter.tries + 1
        return True

    def forget_all_but(self, letters: Collection[int]) -> None:
        self._seen = {pk: seen for pk, seen in self._seen.items() if pk in letters}


def network_namespace() -> str:
    """This start of this machine and this network of it: within it the kernel knows every name."""
    return f"{BOOT_ID.read_text().strip()}/{NETWORK.stat().st_ino}"


def socket_address(token: str) -> str:
    """A name without a file: the kernel forgets it together with the process that bound it."""
    return f"\0filsluss/{token}"


def has_exited(claimed_by: str) -> bool:
    """Whether the kernel says that he has ended; of another machine, or another boot, it cannot know."""
    place, _, token = claimed_by.partition(".")[0].rpartition("/")
    if place == NO_SOCKET:
        return False
    try:
        if place != network_namespace():
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as knock:
            knock.connect(socket_address(token))
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def claimed(letter: Letter) -> QuerySet[Letter]:
    """The row, for as long as it is queued and its claimed_by is who this letter says."""
    return Letter.objects.queued().filter(pk=letter.pk, claimed_by=letter.claimed_by)


@contextmanager
def heartbeating(letter: Letter) -> Iterator[None]:
    """Gives claim_count for as long as the server takes its time; a postman who dies gives none."""
    done = threading.Event()
    keeper = threading.Thread(target=_send_heartbeats, args=(letter, done), name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()


def _send_heartbeats(letter: Letter, done: threading.Event) -> None:
    while not done.wait(RENEWAL):
        with suppress(DatabaseError):
            claimed(letter).update(claim_count=F("claim_count") + 1)
    connection.close()

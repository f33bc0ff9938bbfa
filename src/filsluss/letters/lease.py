"""Lease: who holds a letter, and when he counts as dead: by his signs and the reader's own steady clock."""

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
"""Seconds without a new sign after which a holder counts as dead, and the seconds between two signs."""
BOOT_ID, NETWORK = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/net")
NOWHERE = "-"

Sign = tuple[str, int]


class Holder:
    """One who takes letters, and what he has seen of others who hold one.

    No wall clock counts: whoever has not changed his sign for a lease under my eyes is dead to me.
    """

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Sign, float]] = {}
        self._token = secrets.token_hex(8)
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._door.bind(address_of(self._token))
            self.name = f"{here()}/{self._token}"
        except OSError:
            self.name = f"{NOWHERE}/{self._token}"

    def die(self) -> None:
        """What the kernel does for a process that ends, however it ends."""
        self._door.close()

    def may_take(self, letter: Letter) -> bool:
        """Whether it is free, or in the hands of one who is dead as far as can be told."""
        if not letter.holder or is_gone(letter.holder):
            return True
        sign, now = (letter.holder, letter.signs), time.monotonic()
        last, since = self._seen.get(letter.pk, (("", 0), now))
        if last != sign:
            self._seen[letter.pk] = sign, now
            return False
        return now - since >= LEASE

    def take(self, letter: Letter) -> bool:
        """False if another was quicker, or its holder has given a sign meanwhile."""
        claim = f"{self.name}.{secrets.token_hex(4)}"
        as_seen = ours(letter).filter(signs=letter.signs)
        if not as_seen.update(holder=claim, signs=F("signs") + 1, tries=F("tries") + 1):
            return False
        if letter.holder:
            log.warning("letter %s is taken from a postman who gave no sign", letter.key)
        letter.holder, letter.tries = claim, letter.tries + 1
        return True

    def remember_only(self, letters: Collection[int]) -> None:
        self._seen = {pk: seen for pk, seen in self._seen.items() if pk in letters}


def here() -> str:
    """This start of this machine and this network of it: within it the kernel knows every name."""
    return f"{BOOT_ID.read_text().strip()}/{NETWORK.stat().st_ino}"


def address_of(token: str) -> str:
    """A name without a file: the kernel forgets it together with the process that bound it."""
    return f"\0filsluss/{token}"


def is_gone(holder: str) -> bool:
    """Whether the kernel says that he has ended; of another machine, or another boot, it cannot know."""
    place, _, token = holder.partition(".")[0].rpartition("/")
    if place == NOWHERE:
        return False
    try:
        if place != here():
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as knock:
            knock.connect(address_of(token))
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def ours(letter: Letter) -> QuerySet[Letter]:
    """The row, for as long as it is queued and its holder is who this letter says."""
    return Letter.objects.queued().filter(pk=letter.pk, holder=letter.holder)


@contextmanager
def held(letter: Letter) -> Iterator[None]:
    """Gives signs for as long as the server takes its time; a postman who dies gives none."""
    done = threading.Event()
    keeper = threading.Thread(target=_keep, args=(letter, done), name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()


def _keep(letter: Letter, done: threading.Event) -> None:
    while not done.wait(RENEWAL):
        with suppress(DatabaseError):
            ours(letter).update(signs=F("signs") + 1)
    connection.close()

"""Claims: which process delivers a letter, and when its claim is stale."""

import logging
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from django.db import Error, connection
from django.db.models import F, QuerySet

from filsluss.letters.candidates import Candidates
from filsluss.models import Letter
from filsluss.models.letter_queries import claim_as_read

log = logging.getLogger(__name__)

LEASE, RENEWAL = 60.0, 10.0
"""Seconds without a new heartbeat after which a claim is stale, and the seconds between two heartbeats."""
BOOT_ID, NETWORK = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/net")
NO_SOCKET = "-"
MOST_TO_A_DOMAIN = 2
"""How many letters are delivered to one domain at a time, so that one slow server holds up no other."""
LOOK_AGAIN = 1.0
"""Seconds between two looks at what other processes deliver."""
UNKNOWN_BOOT = str(uuid4())

Heartbeat = tuple[str, int]


class Held(NamedTuple):
    """A letter that a thread of this process delivers: the claim that is written, and the reader's domain."""

    claim: str
    domain: str


class Claimant:
    """A process that claims letters, and the heartbeats that it has seen of other claims.

    A claim is stale when its heartbeat has not changed for LEASE seconds by this process's monotonic clock.
    Several threads may share it: a letter that one of them delivers is held.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[int, Held] = {}
        self._beating: threading.Thread | None = None
        self.candidates = Candidates(self)
        self._seen: dict[int, tuple[Heartbeat, float]] = {}
        self._elsewhere: tuple[float, Counter[str]] = (-LOOK_AGAIN, Counter())
        self._token = secrets.token_hex(8)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.bind(socket_address(self._token))
            self.name = f"{network_namespace()}/{self._token}"
        except OSError:
            self.name = f"{NO_SOCKET}/{self._token}"

    def release(self) -> None:
        """Closes the socket that shows that we run, as the kernel does when a process ends."""
        self._socket.close()

    def is_claimable(self, letter: Letter) -> bool:
        """Whether nobody has claimed it, or the claimant has exited, or its claim is stale."""
        if not letter.claimed_by or has_exited(letter.claimed_by):
            return True
        heartbeat, now = (letter.claimed_by, letter.claim_count), time.monotonic()
        with self._lock:
            if letter.pk in self._held:
                return False
            last, since = self._seen.get(letter.pk, (("", 0), now))
            if last != heartbeat:
                self._seen[letter.pk] = heartbeat, now
                return False
        return now - since >= LEASE

    def hold(self, letter: Letter) -> bool:
        """Counts the letter as being delivered; False if it is already, or its domain is full."""
        with self._lock:
            if letter.pk in self._held or letter.domain in self._full():
                return False
            self._held[letter.pk] = Held(f"{self.name}.{secrets.token_hex(4)}", letter.domain)
            return True

    def claim(self, letter: Letter, *, now: datetime) -> Letter | None:
        """Claims a letter that is held, and reads it whole.

        None, and it is held no longer, if it is not due and true, or its claim is not as it was read.
        """
        claim, claimed_whole = self._held[letter.pk].claim, None
        try:
            claimed_whole = claim_as_read(letter, claim, now=now)
        finally:
            if claimed_whole is None:
                self.let_go(letter)
        if claimed_whole and letter.claimed_by:
            log.warning("the claim on letter %s was stale; it is claimed anew", letter.key)
        return claimed_whole

    def let_go(self, letter: Letter) -> None:
        """Ends the holding of a letter: it was delivered, or is not now."""
        with self._lock:
            self._held.pop(letter.pk, None)

    def held_letters(self) -> list[int]:
        """The primary keys of letters that a thread of this process delivers now."""
        with self._lock:
            return list(self._held)

    def full_domains(self) -> list[str]:
        """Domains that no further letter is claimed for until one to them is let go."""
        with self._lock:
            return self._full()

    def _full(self) -> list[str]:
        counts = Counter(held.domain for held in self._held.values())
        return [domain for domain, count in counts.items() if count >= MOST_TO_A_DOMAIN]

    def full_with_others(self) -> list[str]:
        """Domains that are full when what other processes deliver counts, as it was a moment ago.

        Two processes that begin at the same moment do not see each other's first letter.
        """
        with self._lock:
            looked, elsewhere = self._elsewhere
            own = list(self._held)
        if time.monotonic() - looked >= LOOK_AGAIN:
            looked, elsewhere = time.monotonic(), delivered_elsewhere(own)
        with self._lock:
            self._elsewhere = looked, elsewhere
            counts = elsewhere + Counter(held.domain for held in self._held.values())
        return [domain for domain, count in counts.items() if count >= MOST_TO_A_DOMAIN]

    def forget_all_but(self, letters: Collection[int]) -> None:
        """Keeps the seen heartbeats of these letters (primary keys) only."""
        with self._lock:
            self._seen = {pk: seen for pk, seen in self._seen.items() if pk in letters}

    def beat(self) -> None:
        """Renews the claims on all letters that are held, from one thread, until none is."""
        with self._lock:
            if self._beating is None or not self._beating.is_alive():
                self._beating = threading.Thread(target=self._send_heartbeats, name="lease", daemon=True)
                self._beating.start()

    def _send_heartbeats(self) -> None:
        while True:
            time.sleep(RENEWAL)
            with self._lock:
                claims = {pk: held.claim for pk, held in self._held.items()}
                if not claims:
                    self._beating = None
                    return
            with suppress(Error):
                renewed = Letter.objects.queued().filter(pk__in=claims, claimed_by__in=claims.values())
                renewed.update(claim_count=F("claim_count") + 1)
            connection.close()


def delivered_elsewhere(own: Collection[int]) -> Counter[str]:
    """The domains of the letters, other than `own`, whose claimants have not ended, as far as is known."""
    others = Letter.objects.queued().exclude(claimed_by="").exclude(pk__in=own)
    return Counter(
        letter.domain for letter in others.only("to", "claimed_by") if not has_exited(letter.claimed_by)
    )


def network_namespace() -> str:
    """The boot and the network namespace in which an abstract socket address is unique.

    Where /proc does not tell, one that no other process is in: then only heartbeats count.
    """
    try:
        return f"{BOOT_ID.read_text().strip()}/{NETWORK.stat().st_ino}"
    except OSError:
        return f"{UNKNOWN_BOOT}/0"


def socket_address(token: str) -> str:
    """An abstract address (unix(7)), which the kernel frees when the process ends."""
    return f"\0filsluss/{token}"


def has_exited(claimed_by: str) -> bool:
    """Whether the kernel says that the claimant has exited; False for other machines and boots."""
    namespace, _, token = claimed_by.partition(".")[0].rpartition("/")
    if namespace == NO_SOCKET:
        return False
    try:
        if namespace != network_namespace():
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
            probe.connect(socket_address(token))
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def claimed(letter: Letter) -> QuerySet[Letter]:
    """The row, if it is still queued and this claim on it still holds."""
    return Letter.objects.queued_row(letter.pk).filter(claimed_by=letter.claimed_by)

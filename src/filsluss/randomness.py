"""Random bytes of the operating system, drawn many at a time."""

# A draw is a system call, for which the interpreter's lock is let go: a small file needs three.

import base64
import os
import threading

DRAWN = 4096


class RandomBytes:
    """Bytes of `os.urandom`, each given once. Safe in any thread; a child of a fork draws its own."""

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._lock, self._drawn, self._given = threading.Lock(), b"", 0

    def take(self, count: int) -> bytes:
        """So many bytes."""
        with self._lock:
            if self._given + count > len(self._drawn):
                self._drawn, self._given = os.urandom(max(DRAWN, count)), 0
            self._given += count
            return self._drawn[self._given - count : self._given]


random_bytes = RandomBytes()


def token_hex(count: int) -> str:
    """As `secrets.token_hex`."""
    return random_bytes.take(count).hex()


def token_urlsafe(count: int) -> str:
    """As `secrets.token_urlsafe`."""
    return base64.urlsafe_b64encode(random_bytes.take(count)).rstrip(b"=").decode()

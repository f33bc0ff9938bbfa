"""Whose turn it is to write a blob: one lock, and a knock that makes the holder let go, across processes."""

import contextlib
import fcntl
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filsluss.blobs.protocol import BlobBusy

REQUEST_INTERVAL = 0.02


class BlobLocks:
    """Knocks are datagrams to every process that writes here; a folder of sockets is the address list.

    The kernel frees a dead holder's lock, so nothing ever waits for a process that is gone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._holders: dict[str, tuple[int, Callable[[], None]]] = {}
        self._listening_pid = 0

    @contextlib.contextmanager
    def hold(
        self, name: str, fd: int, *, patience: float, on_release_asked: Callable[[], None] | None
    ) -> Iterator[None]:
        """Holds the lock on `fd`; raises BlobBusy if its holder has not let go after `patience` seconds."""
        self._lock(name, fd, patience)
        if on_release_asked:
            self._listen()
            self._holders[name] = time.monotonic_ns(), on_release_asked
        try:
            yield
        finally:
            self._holders.pop(name, None)
            fcntl.flock(fd, fcntl.LOCK_UN)

    def _lock(self, name: str, fd: int, patience: float) -> None:
        give_up = time.monotonic() + patience
        while not self._try(fd):
            if time.monotonic() >= give_up:
                raise BlobBusy(name)
            self._request_release(name)
            time.sleep(REQUEST_INTERVAL)

    @staticmethod
    def _try(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    @staticmethod
    def is_free(fd: int) -> bool:
        """Whether nobody holds the lock just now."""
        free = BlobLocks._try(fd)
        if free:
            fcntl.flock(fd, fcntl.LOCK_UN)
        return free

    def _request_release(self, name: str) -> None:
        """Asks the holder, whichever process it lives in, to let go; says when, in nanoseconds since boot."""
        words = f"{name} {time.monotonic_ns()}".encode()
        with self._at_folder() as here, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as knocker:
            knocker.setblocking(False)
            for door in os.listdir(self._folder):
                self._send(knocker, f"{here}/{door}", words)

    def _send(self, knocker: socket.socket, door: str, words: bytes) -> None:
        try:
            knocker.sendto(words, door)
        except (ConnectionRefusedError, FileNotFoundError):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(door)  # its process is gone
        except BlockingIOError:
            pass  # it has knocks enough; another follows

    @contextlib.contextmanager
    def _at_folder(self) -> Iterator[str]:
        """The folder as a path short enough for a Unix socket, however deep it lies."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{fd}"
        finally:
            os.close(fd)

    def _listen(self) -> None:
        """One listener for each process, begun by its first writer: threads do not survive a fork."""
        with self._guard:
            if self._listening_pid == os.getpid():
                return
            self._listening_pid, self._holders = os.getpid(), {}
            ear = self._listener()
            threading.Thread(target=self._answer, args=(ear,), name="turns", daemon=True).start()

    def _listener(self) -> socket.socket:
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = f"{os.getpid()}-{time.monotonic_ns()}"
        with self._at_folder() as here:
            ear.bind(f"{here}/{name}")
        return ear

    def _answer(self, ear: socket.socket) -> None:
        while True:
            name, _, sent = ear.recv(256).decode(errors="replace").partition(" ")
            since, let_go = self._holders.get(name, (0, None))
            if let_go and sent.isdecimal() and int(sent) > since:  # an older knock was meant for another
                let_go()

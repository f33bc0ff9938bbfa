"""One writer per blob, across processes: a lock on its file, and a request that its holder release it."""

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
"""Seconds between two release requests while waiting for a lock."""


class BlobLocks:
    """A release request is a datagram to every process with a socket in `folder`.

    The lock is flock(2): the kernel frees it when the process that holds it ends, however it ends.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mutex = threading.Lock()
        self._holders: dict[str, tuple[int, Callable[[], None]]] = {}
        self._listening_pid = 0

    @contextlib.contextmanager
    def hold(
        self, name: str, fd: int, *, patience: float, on_release_asked: Callable[[], None] | None
    ) -> Iterator[None]:
        """Holds the lock on `fd`; raises BlobBusy if it is not free within `patience` seconds."""
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
        deadline = time.monotonic() + patience
        while not self._try(fd):
            if time.monotonic() >= deadline:
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
        """Asks the holder, in whichever process, to release the lock; the message carries the time in ns."""
        message = f"{name} {time.monotonic_ns()}".encode()
        with self._folder_path() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            for entry in os.listdir(self._folder):
                self._send(sender, f"{folder}/{entry}", message)

    def _send(self, sender: socket.socket, path: str, message: bytes) -> None:
        try:
            sender.sendto(message, path)
        except (ConnectionRefusedError, FileNotFoundError):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)  # its process has ended
        except BlockingIOError:
            pass  # its queue is full; the next request follows in REQUEST_INTERVAL

    @contextlib.contextmanager
    def _folder_path(self) -> Iterator[str]:
        """The folder by way of /proc: a Unix socket's path holds 108 bytes, ours may be longer (unix(7))."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{fd}"
        finally:
            os.close(fd)

    def _listen(self) -> None:
        """Starts this process's listener thread, on its first lock: threads do not survive a fork."""
        with self._mutex:
            if self._listening_pid == os.getpid():
                return
            self._listening_pid, self._holders = os.getpid(), {}
            listener = self._open_listener()
            threading.Thread(target=self._answer, args=(listener,), name="blob-locks", daemon=True).start()

    def _open_listener(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = f"{os.getpid()}-{time.monotonic_ns()}"
        with self._folder_path() as folder:
            listener.bind(f"{folder}/{name}")
        return listener

    def _answer(self, listener: socket.socket) -> None:
        while True:
            name, _, sent = listener.recv(256).decode(errors="replace").partition(" ")
            held_since, release = self._holders.get(name, (0, None))
            # A request older than this hold was meant for an earlier holder.
            if release and sent.isdecimal() and int(sent) > held_since:
                release()

"""The locker of one machine: flock(2) on the blob's file, and a request that its holder release it."""

import contextlib
import fcntl
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filsluss.blobs.protocol import BlobBusy, BlobMissing, Lease, OpenFile

REQUEST_INTERVAL = 0.02
"""Seconds between two release requests while waiting for a lock."""


class FlockLocker:
    """A release request is a datagram to every process of this machine with a socket in its own folder.

    The kernel frees the lock when the process that holds it ends, however it ends. So a lease needs no epoch.

    `path_of` says where a blob lies, and raises BlobMissing. `host` names this boot of this machine: others
    that share the blob folder have folders of their own, as a socket of theirs looks dead from here. A folder
    of an earlier boot stays behind, as nobody can tell it from another machine's.
    """

    def __init__(self, folder: Path, path_of: Callable[[str], str | Path], *, host: str) -> None:
        self._folder = folder / host
        self._path_of = path_of
        self._mutex = threading.Lock()
        self._holders: dict[str, tuple[int, Callable[[], None]]] = {}
        self._listening_pid = 0

    @contextlib.contextmanager
    def hold(
        self, name: str, *, patience: float = 5.0, on_release_asked: Callable[[], None] | None = None
    ) -> Iterator[Lease]:
        fd = self._open(name)
        try:
            self._lock(name, fd, patience)
            try:
                found = os.fstat(fd)
                if found.st_nlink == 0:
                    raise BlobMissing(name)  # erased while we waited
                if on_release_asked:
                    self._listen()
                    self._holders[name] = time.monotonic_ns(), on_release_asked
                yield Lease(file=OpenFile(name, fd, found.st_size))
            finally:
                self._holders.pop(name, None)
                fcntl.flock(fd, fcntl.LOCK_UN)
        finally:
            os.close(fd)

    def is_held(self, name: str) -> bool:
        try:
            fd = self._open(name)
        except BlobMissing:
            return False
        try:
            return not self._try(fd)  # closing it frees the lock again
        finally:
            os.close(fd)

    def _open(self, name: str) -> int:
        try:
            return os.open(self._path_of(name), os.O_RDWR)
        except FileNotFoundError:
            raise BlobMissing(name) from None

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
                os.unlink(path)  # its process, which ran on this boot of this machine, has ended
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
        if self._listening_pid == os.getpid():
            return
        with self._mutex:
            if self._listening_pid == os.getpid():
                return
            self._holders = {}
            listener = self._open_listener()
            threading.Thread(target=self._answer, args=(listener,), name="blob-locks", daemon=True).start()
            self._listening_pid = os.getpid()

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

"""The short way from a socket to a file: gunicorn's own socket, read without its parser in between."""

# It rests on the inside of gunicorn 27 and is used only where everything it needs is found there; any
# other body (chunked, TLS, another server) takes `wsgi.input`, which the same tests go through.

import contextlib
import errno
import fcntl
import os
import select
import socket
from collections.abc import Callable, Generator, Iterator
from typing import Any, Protocol

from filsluss.blobs import StoreFull

PIECE = 1 << 20
READ_SIZE = PIECE // 4
POLL_SECONDS = 0.05  # seconds


class Sink(Protocol):
    """Where bytes go: a writer of the blob store."""

    offset: int

    def fileno(self) -> int: ...

    def moved(self, count: int) -> None: ...

    def write(self, data: bytes | bytearray | memoryview) -> None: ...


class SocketReader:
    """What is left of one body on a plain socket; the caller never takes more than `left`."""

    def __init__(self, sock: socket.socket, reader: Any) -> None:
        self._sock = sock
        self._reader = reader
        self._pipe: tuple[int, int] | None = None
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._asked = 1
        self._is_fast = self._is_behind = False
        self._timeout = sock.gettimeout()
        sock.setblocking(False)

    @property
    def left(self) -> int:
        return int(self._reader.length)

    def took(self, count: int) -> None:
        self._reader.length -= count
        self._is_fast = count >= READ_SIZE // 2

    def read_ahead(self) -> bytes:
        """The bytes of this body that the header parser has read already."""
        held = self._reader.unreader.take_buffered()
        mine, others = held[: self.left], held[self.left :]
        if others:
            self._reader.unreader.unread(others)
        self.took(len(mine))
        return bytes(mine)

    def _wait(self, seconds: float) -> bool:
        """Whether something (bytes or an end) is there to read before the time is out.

        Of a sender who was quicker than we were, a moment brings more: few large pieces cost less than many.
        """
        if self._is_fast and self._comes(min(READ_SIZE, self.left), POLL_SECONDS):
            return True
        return self._comes(1, seconds)

    def _comes(self, least: int, seconds: float) -> bool:
        if least != self._asked:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, least)
            self._asked = least
        return bool(self._poll.poll(seconds * 1000))

    def _next(self, take: Callable[[], int], most: int, seconds: float) -> int:
        """What `take` took; 0 at the end of the stream, however it ended, -1 if nothing came in the time.

        After as good as all that was asked for, more lies there: to be told so would cost a wait for the
        interpreter's lock, and a third of all of them where many send at once.
        """
        if not self._is_behind and not self._wait(seconds):
            return -1
        try:
            count = take()
        except BlockingIOError:  # it was all there was
            self._is_behind = False
            return self._next(take, most, seconds)
        except ConnectionError:
            return 0
        self.took(count)
        self._is_behind = count >= most * 3 // 4
        return count

    def receive(self, buffer: memoryview, seconds: float) -> int:
        """The number of bytes that came; 0 at the end of the stream, -1 after so many seconds of nothing."""
        room = buffer[: min(len(buffer), self.left)]
        return self._next(lambda: self._sock.recv_into(room), len(room), seconds)

    def splice(self, sink: Sink, most: int, seconds: float) -> int:
        """Moves up to `most` bytes from socket to file inside the kernel, and answers as `receive` does.

        Raises StoreFull with the sink at what was stored.
        """
        source, target = self._pipe or self._open_pipe()
        most = min(PIECE, most, self.left)
        count = self._next(lambda: os.splice(self._sock.fileno(), target, most), most, seconds)
        rest = count
        while rest > 0:
            done = self._store(source, sink, rest)
            sink.moved(done)
            rest -= done
        return count

    @staticmethod
    def _store(source: int, sink: Sink, count: int) -> int:
        try:
            return os.splice(source, sink.fileno(), count, offset_dst=sink.offset)
        except OSError as fault:
            if fault.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StoreFull from fault
            raise

    def _open_pipe(self) -> tuple[int, int]:
        self._pipe = os.pipe()
        with contextlib.suppress(OSError):  # an ordinary user may make only so many large: 64 KiB do as well
            fcntl.fcntl(self._pipe[1], fcntl.F_SETPIPE_SZ, PIECE)
        return self._pipe

    def close(self) -> None:
        with contextlib.suppress(OSError):  # what comes next may be short
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
            self._sock.settimeout(self._timeout)
        for fd in self._pipe or ():
            os.close(fd)
        self._pipe = None


def open_chunks(environ: dict[str, Any]) -> Iterator[bytes] | None:
    """The pieces of a chunked body as they come, where the server's parser gives them out; else None.

    `wsgi.input` would gather them, and forget what it has gathered when the line breaks.
    """
    reader = getattr(environ["wsgi.input"], "reader", None)
    parser = getattr(reader, "parser", None)
    fits = (
        type(reader).__name__ == "ChunkedReader"
        and isinstance(parser, Generator)
        and "gunicorn.socket" in environ
        and getattr(getattr(reader, "buf", None), "tell", lambda: 1)() == 0
    )
    return parser if fits else None


def open_socket_reader(environ: dict[str, Any]) -> SocketReader | None:
    """The short way for this request's body, or None where something it rests on is not there."""
    sock, body = environ.get("gunicorn.socket"), environ["wsgi.input"]
    reader = getattr(body, "reader", None)
    unreader = getattr(reader, "unreader", None)
    if not isinstance(sock, socket.socket):
        return None
    fits = (
        type(sock) is socket.socket  # not a TLS one, whose bytes are not the body's
        and type(reader).__name__ == "LengthReader"
        and isinstance(getattr(reader, "length", None), int)
        and hasattr(unreader, "take_buffered")
        and getattr(getattr(body, "buf", None), "tell", lambda: 1)() == 0
        and hasattr(os, "splice")
    )
    return SocketReader(sock, reader) if fits else None

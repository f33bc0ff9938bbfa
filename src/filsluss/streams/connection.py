"""The connection of a request: the only file that knows gunicorn's inside and the socket it keeps."""

# Relies on gunicorn 27's internals, and uses them only where they are found as expected. Any other body (TLS,
# another server) is read through `wsgi.input`; the same tests cover both ways.

import contextlib
import errno
import fcntl
import io
import os
import select
import socket
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

from filsluss.blobs import StoreFull, Writer
from filsluss.streams import sockets

PIECE = 1 << 20
READ_SIZE = PIECE // 4
BURST = 4 * PIECE
MORE_SECONDS = 0.05
"""How long to wait for more of a fast sender's bytes, so that they come in large pieces."""


class SocketReader:
    """Reads one body with a Content-Length from a plain socket; the caller asks for at most `left` bytes."""

    def __init__(self, sock: socket.socket, reader: Any) -> None:
        self._sock = sock
        self._reader = reader
        self._pipe: tuple[int, int] | None = None
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._low_water = 1
        self._sender_is_fast = self._more_is_waiting = False
        self._timeout = sock.gettimeout()
        sock.setblocking(False)

    @property
    def left(self) -> int:
        """Bytes of the body not yet read, as gunicorn's own LengthReader counts them."""
        return int(self._reader.length)

    def _count(self, count: int) -> None:
        self._reader.length -= count
        self._sender_is_fast = count >= READ_SIZE // 2

    def read_ahead(self) -> bytes:
        """The body's bytes that gunicorn's header parser has already read from the socket."""
        held = self._reader.unreader.take_buffered()
        ours, next_request = held[: self.left], held[self.left :]
        if next_request:
            self._reader.unreader.unread(next_request)
        self._count(len(ours))
        return bytes(ours)

    def _wait(self, seconds: float) -> bool:
        """Waits until bytes or the end of the stream can be read; False after `seconds`.

        For a fast sender it first waits a moment for READ_SIZE bytes: few large reads cost less than many.
        """
        if self._sender_is_fast and self._poll_for(min(READ_SIZE, self.left), MORE_SECONDS):
            return True
        return self._poll_for(1, seconds)

    def _poll_for(self, low_water: int, seconds: float) -> bool:
        if low_water != self._low_water:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, low_water)
            self._low_water = low_water
        return bool(self._poll.poll(seconds * 1000))

    def _next(self, take: Callable[[], int], size: int, seconds: float) -> int:
        """Calls `take` when there are bytes: its count, 0 at the end or a reset, -1 after `seconds`.

        If a read nearly filled the buffer, more is waiting: skip the poll (it costs a GIL hand-over, a third
        of all with many senders).
        """
        if not self._more_is_waiting and not self._wait(seconds):
            return -1
        try:
            count = take()
        except BlockingIOError:  # nothing was waiting after all
            self._more_is_waiting = False
            return self._next(take, size, seconds)
        except ConnectionError:
            return 0
        self._count(count)
        self._more_is_waiting = count >= size * 3 // 4
        return count

    def receive(self, buffer: memoryview, seconds: float) -> int:
        """Bytes read into `buffer`; 0 at the end of the stream, -1 after `seconds` without any."""
        view = buffer[: min(len(buffer), self.left)]
        return self._next(lambda: self._sock.recv_into(view), len(view), seconds)

    def splice(self, writer: Writer, size: int, seconds: float) -> int:
        """Moves up to `size` bytes from socket to file inside the kernel; returns what `receive` does.

        A fast sender's come in several pieces, up to BURST, so that what the caller asks is asked less often.
        Raises StoreFull, or what `writer.allowed` raises, with `writer.offset` at the end of what was stored.
        """
        most = min(BURST, size, self.left, writer.allowed())
        moved = self._splice_piece(writer, most, seconds)
        while 0 < moved < most and self._sender_is_fast:
            if (count := self._splice_piece(writer, most - moved, 0)) <= 0:
                break
            moved += count
        return moved

    def _splice_piece(self, writer: Writer, size: int, seconds: float) -> int:
        source, target = self._pipe or self._open_pipe()
        size = min(PIECE, size)
        count = self._next(lambda: os.splice(self._sock.fileno(), target, size), size, seconds)
        rest = count
        while rest > 0:
            done = self._store(source, writer, rest)
            writer.moved(done)
            rest -= done
        return count

    @staticmethod
    def _store(source: int, writer: Writer, count: int) -> int:
        try:
            return os.splice(source, writer.fileno(), count, offset_dst=writer.position)
        except OSError as fault:
            if fault.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StoreFull from fault
            raise

    def _open_pipe(self) -> tuple[int, int]:
        self._pipe = os.pipe()
        with contextlib.suppress(OSError):  # beyond the user's pipe-user-pages-soft: 64 KiB will do
            fcntl.fcntl(self._pipe[1], fcntl.F_SETPIPE_SZ, PIECE)
        return self._pipe

    def close(self) -> None:
        """Restores the socket's options for the next request, which may be short."""
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
            self._sock.settimeout(self._timeout)
        for fd in self._pipe or ():
            os.close(fd)
        self._pipe = None


class Connection:
    """The connection of one request. Without gunicorn's socket what needs it does nothing."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self._environ = environ
        self._body = environ["wsgi.input"]
        self._socket: socket.socket | None = environ.get("gunicorn.socket")

    @property
    def expects_continue(self) -> bool:
        """Whether the client names an expectation, and so may not have sent its body yet."""
        return bool(self._environ.get("HTTP_EXPECT"))

    def send_continue(self) -> None:
        """100 Continue, if the client waits for it: called when the body is wanted (RFC 9110, 10.1.1)."""
        expected = self._environ.get("HTTP_EXPECT", "").lower() == "100-continue"
        if self._socket and expected and self._environ.get("SERVER_PROTOCOL") != "HTTP/1.0":
            self._socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def stop_reading(self) -> None:
        """From any thread: what was received can still be read; after it the stream ends."""
        if self._socket:
            sockets.stop_reading(self._socket)

    def set_patience(self, seconds: float) -> None:
        """How long one read through `read` may take."""
        if self._socket:
            self._socket.settimeout(seconds)

    def read(self, size: int) -> bytes:
        """Up to `size` bytes of the body through `wsgi.input`, which blocks until it has them all."""
        return bytes(self._body.read(size))

    def chunks(self) -> Iterator[bytes] | None:
        """The pieces of a chunked body as they arrive, from gunicorn's own parser; None on any other body.

        Reading `wsgi.input` instead would buffer them, and lose the buffer when the connection breaks.
        """
        reader = getattr(self._body, "reader", None)
        parser = getattr(reader, "parser", None)
        fits = (
            type(reader).__name__ == "ChunkedReader"
            and isinstance(parser, Generator)
            and self._socket is not None
            and getattr(getattr(reader, "buf", None), "tell", lambda: 1)() == 0
        )
        return parser if fits else None

    def splicer(self) -> SocketReader | None:
        """A reader of the body from the socket; None where gunicorn's internals are not as expected."""
        sock, reader = self._plain_socket, self._length_reader
        return SocketReader(sock, reader) if sock and reader and hasattr(os, "splice") else None

    def take_waiting(self, seconds: float) -> bytes | None:
        """The whole body if it has come, or comes within that time; else None, and nothing of it is taken."""
        sock, reader = self._plain_socket, self._length_reader
        if sock is None or reader is None:
            return None
        wanted, unreader = int(reader.length), reader.unreader
        held = bytes(unreader.take_buffered())
        deadline = time.monotonic() + seconds
        while len(held) < wanted and (piece := sockets.waiting_bytes(sock, wanted - len(held), deadline)):
            held += piece
        if len(held) < wanted:
            unreader.unread(held)
            return None
        if len(held) > wanted:
            unreader.unread(held[wanted:])  # the next request
        reader.length = 0
        return held[:wanted]

    @property
    def _plain_socket(self) -> socket.socket | None:
        """The socket; None for a TLS one, whose raw bytes are not the body's."""
        return self._socket if type(self._socket) in (socket.socket, sockets.AcceptedSocket) else None

    @property
    def _length_reader(self) -> Any:
        """gunicorn's reader of a body with a length, of which nothing was read; None for any other."""
        reader = getattr(self._body, "reader", None)
        fits = (
            type(reader).__name__ == "LengthReader"
            and isinstance(getattr(reader, "length", None), int)
            and hasattr(getattr(reader, "unreader", None), "take_buffered")
            and getattr(getattr(self._body, "buf", None), "tell", lambda: 1)() == 0
        )
        return reader if fits else None

    def replace_body(self, data: bytes, *, length: int) -> None:
        """Gives whoever reads the request after us these bytes as its body, and `length` as its length."""
        self._environ["wsgi.input"], self._environ["CONTENT_LENGTH"] = io.BytesIO(data), str(length)

    def close_after_response(self) -> None:
        """Makes gunicorn close the connection after the response instead of reading the rest of the body."""
        if hasattr(self._body, "failed"):
            self._body.failed = True
        if message := getattr(self._body, "message", None):
            message.must_close = True

    def send_for(self, seconds: float) -> None:
        """Blocking sends, which the kernel ends when the client acknowledges nothing for so long.

        They cost less than a poll for each piece (tcp(7), TCP_USER_TIMEOUT).
        """
        if self._socket:
            self._socket.settimeout(None)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
            sockets.limit_unsent(self._socket)

    def acknowledged(self) -> int | None:
        """How many bytes the client has acknowledged; None where nobody tells (Linux before 4.1)."""
        return sockets.acknowledged_bytes(self._socket) if self._socket else None

    def cork(self, on: bool) -> None:
        """While on, only full packets are sent, the header with the first bytes (tcp(7), TCP_CORK)."""
        if self._socket:
            with contextlib.suppress(OSError):  # the client closed first
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, on)

    def cut(self) -> None:
        """From any thread: ends both directions, so that the client sees an incomplete response."""
        if self._socket:
            with contextlib.suppress(OSError):  # the client closed first
                self._socket.shutdown(socket.SHUT_RDWR)


def read_already(parser: Any) -> bytes:
    """What gunicorn's parser of a connection has read of the next request; it has none before the first."""
    return bytes(parser.unreader.buf.getvalue()) if parser else b""


def read_next(parser: Any, sock: socket.socket, size: int, *, within: float) -> bytes:
    """What the parser has of the next request, or has now got: up to `size` bytes that came in that time."""
    if not read_already(parser):
        parser.unreader.unread(sockets.received_within(sock, size, within))
    return read_already(parser)


def finish_body(parser: Any, *, within: float) -> bool:
    """Reads the rest of a body that nobody wanted; False if it did not come within so many seconds."""
    body = getattr(parser.mesg, "body", None)
    if getattr(getattr(body, "reader", None), "length", None) != 0 or getattr(body, "failed", False):
        return bool(parser.finish_body(deadline=time.monotonic() + within))
    parser.mesg = None  # nothing is left, and it would look again before the next request
    return True


def leave_body_to_reader(message: Any) -> None:
    """Of a parsed request: leaves `100 Continue` to `send_continue`, and lets `close_after_response` work."""
    message._expected_100_continue = False
    message.body.message = message

"""Reading one request's body: in large pieces, with timeouts, and stoppable from another thread."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from filsluss.blobs import Writer
from filsluss.streams.connection import MORE_SECONDS, PIECE, Connection, SocketReader
from filsluss.streams.rates import Rate, is_crowded

STALL_SECONDS = 30.0
"""The longest time without a byte."""
FORM_MAX, FORM_SECONDS = 64 * 1024, 30.0
"""The largest form that is waited for without a thread, and how long one may take to come."""
LONG_FORM_MAX = 256 * 1024
"""The largest form that is read at all, so that a text that is far too long is shown again, not lost."""
SLOW_WINDOW, SLOW_BYTES = 60.0, 60 * 1024
"""Fewer than SLOW_BYTES in SLOW_WINDOW seconds (1 KiB/s) count as a stall; `rates.py` has a second rule."""

SMALL = 64 * 1024
"""The largest body, in bytes, that is taken into memory when all of it is here."""

_open_bodies: set["Body"] = set()


def stop_all(reason: str) -> None:
    """Stops every body that this process is reading; safe in a signal handler."""
    for body in tuple(_open_bodies):
        body.stop(reason)


def count_open() -> int:
    """How many bodies this process is reading."""
    return len(_open_bodies)


class Body:
    """One body. `stopped` is the problem code for which reading ended early; `count` the bytes read so far.

    `is_here`: all of it was taken into memory, so that nothing waits for the client.

    `is_over`: once it says so, the body stops with "account_ended".
    """

    def __init__(self, environ: dict[str, Any], *, is_over: Callable[[], bool] | None = None) -> None:
        self._connection = Connection(environ)
        self._reader: SocketReader | None = None
        self._chunks: Iterator[bytes] | None = None
        self._excess = b""
        self._is_over = is_over
        self._window, self._rate = (time.monotonic(), 0), Rate()
        self.length = content_length(environ)
        self.count = 0
        self.broken = self.is_here = False
        self.stopped = ""

    def __enter__(self) -> "Body":
        _open_bodies.add(self)
        self._connection.send_continue()
        self._reader = self._connection.splicer()
        self._chunks = self._connection.chunks()
        return self

    def __exit__(self, *fault: object) -> None:
        _open_bodies.discard(self)
        if self._reader:
            self._reader.close()
        if self.stopped or not self.is_whole:
            self._connection.close_after_response()

    @property
    def is_whole(self) -> bool:
        """Whether all of the body was read, even if it was stopped after that."""
        if self.length is not None:
            return self.count == self.length
        return not self.stopped and not self.broken

    def take_small(self) -> bytes | None:
        """All of a small body that has come, or comes in a moment; else None, and the body is as it was."""
        if self.length is None or self.length > SMALL or self._connection.expects_continue:
            return None
        content = self._connection.take_waiting(MORE_SECONDS)
        self.is_here = content is not None
        self.count = len(content or b"")
        return content

    def stop(self, reason: str) -> None:
        """Ends the reading, from any thread; bytes read before are kept."""
        self.stopped = self.stopped or reason
        self._connection.stop_reading()

    def copy_to(self, writer: Writer, *, limit: int) -> None:
        """Copies the body to `writer`, at most `limit` bytes, until it ends or is stopped."""
        if self._reader is None:
            for piece in self.pieces(limit=limit):
                writer.write(piece)
            return
        ahead = self._reader.read_ahead()
        writer.write(ahead)
        self._add(len(ahead))
        while self._may_continue(limit) and self._reader.left:
            count = self._reader.splice(writer, limit - self.count, STALL_SECONDS)
            if not self._add_received(count):
                return

    def pieces(self, *, limit: int) -> Iterator[memoryview]:
        """The body piece by piece, at most `limit` bytes, until it ends or is stopped.

        A piece is valid until the next one is asked for: they share a buffer.
        """
        return self._from_socket(limit) if self._reader else self._from_input(limit)

    def _from_socket(self, limit: int) -> Iterator[memoryview]:
        assert self._reader
        buffer = memoryview(bytearray(PIECE // 4))
        if ahead := self._reader.read_ahead():
            self._add(len(ahead))
            yield memoryview(ahead)
        while self._may_continue(limit) and self._reader.left:
            count = self._reader.receive(buffer[: limit - self.count], STALL_SECONDS)
            if not self._add_received(count):
                return
            yield buffer[:count]

    def _from_input(self, limit: int) -> Iterator[memoryview]:
        self._connection.set_patience(STALL_SECONDS)
        with StallWatch(self):
            while self._may_continue(limit):
                piece = self._read(limit - self.count)
                if not piece:
                    return
                self._add(len(piece))
                yield memoryview(piece)

    def _read(self, size: int) -> bytes:
        """The next chunk; without chunks at most SLOW_BYTES, as `wsgi.input` blocks until it has them all."""
        try:
            if not self._chunks:
                return self._connection.read(min(SLOW_BYTES, size))
            piece = next(filter(None, self._chunks), b"")  # an empty one only says that a chunk has begun
            self._excess = piece[size:]
            return piece[:size]
        except TimeoutError:
            self.stop("read_timeout")
            return b""
        except Exception:  # noqa: BLE001 - reset, malformed chunk or early end: any of them ends the body
            self.broken = True
            return b""

    def _may_continue(self, limit: int) -> bool:
        if self._is_over is not None and self._is_over():
            self.stopped = self.stopped or "account_ended"
        return not self.stopped and self.count < limit

    def _add_received(self, count: int) -> bool:
        """Takes what SocketReader returned: -1 for a timeout, 0 for the end; whether bytes came."""
        if count < 0:
            self.stop("read_timeout")
        if count > 0:
            self._add(count)
        return count > 0

    def _add(self, count: int) -> None:
        self.count += count
        since, before = self._window
        if time.monotonic() - since >= SLOW_WINDOW:
            if self.count - before < SLOW_BYTES:
                self.stop("read_timeout")
            self._window = (time.monotonic(), self.count)
        if self._rate.is_slow_at(self.count) and is_crowded(count_open()):
            self.stop("read_timeout")

    def has_more(self) -> bool:
        """Whether the body goes on after `limit` bytes; may read one byte of a body without a length."""
        if self.length is not None:
            return self.count < self.length
        return bool(self._excess) or (not self.stopped and bool(self._read(1)))


class StallWatch:
    """Stops a body read through `wsgi.input` when no piece came for SLOW_WINDOW seconds."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._done = threading.Event()

    def __enter__(self) -> None:
        threading.Thread(target=self._watch, daemon=True).start()

    def __exit__(self, *fault: object) -> None:
        self._done.set()

    def _watch(self) -> None:
        before = -1
        while not self._done.wait(SLOW_WINDOW) and self._body.count != before:
            before = self._body.count
        if not self._done.is_set():
            self._body.stop("read_timeout")


def read_form(environ: dict[str, Any]) -> bool:
    """Buffers a form's body, so that Django never blocks on the client; False if it was not whole in time.

    A body longer than LONG_FORM_MAX is left unread, or its rest if it is chunked: Django refuses it by its
    length.
    """
    length = content_length(environ)
    if length == 0:
        return True
    if length is not None and length > LONG_FORM_MAX:
        return _leave_unread(environ, length)
    end = time.monotonic() + FORM_SECONDS
    with Body(environ, is_over=lambda: time.monotonic() >= end) as body:
        form = b"".join(bytes(piece) for piece in body.pieces(limit=LONG_FORM_MAX))
        if length is None and len(form) == LONG_FORM_MAX and body.has_more():
            return _leave_unread(environ, LONG_FORM_MAX + 1)
    Connection(environ).replace_body(form, length=len(form))
    return body.is_whole


def _leave_unread(environ: dict[str, Any], length: int) -> bool:
    connection = Connection(environ)
    connection.replace_body(b"", length=length)
    connection.close_after_response()
    return True


def content_length(environ: dict[str, Any]) -> int | None:
    """The declared length in bytes; None for a chunked body, 0 for no body."""
    if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        return None
    text = environ.get("CONTENT_LENGTH") or "0"
    return int(text) if text.isascii() and text.isdigit() else 0

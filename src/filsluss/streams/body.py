"""One request's body, off the wire in large pieces: it can be told to stop, and may not stall."""

import contextlib
import io
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from filsluss.streams.connection import PIECE, Sink, SocketReader, open_chunks, open_socket_reader

STALL_SECONDS = 30.0  # seconds without a byte
FORM_MAX, FORM_SECONDS = 64 * 1024, 30.0
SLOW_WINDOW, SLOW_BYTES = 60.0, 60 * 1024  # less than 1 KiB/s over a minute is a stall

_live: set["Body"] = set()


def stop_all(reason: str) -> None:
    """Tells every body of this process to stop; safe in a signal handler."""
    for body in tuple(_live):
        body.stop(reason)


def count_open() -> int:
    """How many bodies this process is reading now."""
    return len(_live)


class Body:
    """`stopped` says why reading ended before the body did: one of our problem codes, or nothing."""

    def __init__(self, environ: dict[str, Any], *, until: float | None = None) -> None:
        self._environ = environ
        self._input = environ["wsgi.input"]
        self._socket: socket.socket | None = environ.get("gunicorn.socket")
        self._wire: SocketReader | None = None
        self._chunks: Iterator[bytes] | None = None
        self._over = b""
        self._until = until
        self._window = (time.monotonic(), 0)
        self.length = content_length(environ)
        self.count = 0
        self.broken = False
        self.stopped = ""

    def __enter__(self) -> "Body":
        _live.add(self)
        self._accept()
        self._wire = open_socket_reader(self._environ)
        self._chunks = open_chunks(self._environ)
        return self

    def __exit__(self, *fault: object) -> None:
        _live.discard(self)
        if self._wire:
            self._wire.close()
        if self.stopped or not self.is_whole:
            close_after_response(self._environ)

    @property
    def is_whole(self) -> bool:
        """Whether all of it came, even if it was told to stop then."""
        if self.length is not None:
            return self.count == self.length
        return not self.stopped and not self.broken

    def _accept(self) -> None:
        """Only now may a client that asked first (RFC 9110, 10.1.1) send its body."""
        asks = self._environ.get("HTTP_EXPECT", "").lower() == "100-continue"
        if self._socket and asks and self._environ.get("SERVER_PROTOCOL") != "HTTP/1.0":
            self._socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def stop(self, reason: str) -> None:
        """Ends the reading, from any thread; bytes that came before are kept."""
        self.stopped = self.stopped or reason
        if self._socket:
            with contextlib.suppress(OSError):  # the client was quicker
                self._socket.shutdown(socket.SHUT_RD)

    def pour(self, sink: Sink, *, room: int) -> None:
        """Moves the body into `sink`, at most `room` bytes, until it ends or is told to stop."""
        if self._wire is None:
            for piece in self.pieces(room=room):
                sink.write(piece)
            return
        ahead = self._wire.read_ahead()
        sink.write(ahead)
        self._came(len(ahead))
        while self._goes_on(room) and self._wire.left:
            count = self._wire.splice(sink, room - self.count, STALL_SECONDS)
            if not self._went_well(count):
                return

    def pieces(self, *, room: int) -> Iterator[memoryview]:
        """The body piece by piece, at most `room` bytes, until it ends or is told to stop."""
        return self._from_wire(room) if self._wire else self._from_input(room)

    def _from_wire(self, room: int) -> Iterator[memoryview]:
        assert self._wire
        buffer = memoryview(bytearray(PIECE // 4))
        if ahead := self._wire.read_ahead():
            self._came(len(ahead))
            yield memoryview(ahead)
        while self._goes_on(room) and self._wire.left:
            count = self._wire.receive(buffer[: room - self.count], STALL_SECONDS)
            if not self._went_well(count):
                return
            yield buffer[:count]

    def _from_input(self, room: int) -> Iterator[memoryview]:
        if self._socket:
            self._socket.settimeout(STALL_SECONDS)
        with StallWatch(self):
            while self._goes_on(room):
                piece = self._read(room - self.count)
                if not piece:
                    return
                self._came(len(piece))
                yield memoryview(piece)

    def _read(self, most: int) -> bytes:
        """The next chunk as it came; or from `wsgi.input`, which waits for all it is asked for: not much."""
        try:
            if not self._chunks:
                return bytes(self._input.read(min(SLOW_BYTES, most)))
            piece = next(filter(None, self._chunks), b"")  # nothing yet of an announced chunk is no end
            self._over = piece[most:]
            return piece[:most]
        except TimeoutError:
            self.stop("read_timeout")
            return b""
        except Exception:  # noqa: BLE001 - a reset, a malformed chunk, an end where none may be: the body is over
            self.broken = True
            return b""

    def _goes_on(self, room: int) -> bool:
        if self._until is not None and time.monotonic() >= self._until:
            self.stopped = self.stopped or "account_ended"
        return not self.stopped and self.count < room

    def _went_well(self, count: int) -> bool:
        if count < 0:
            self.stop("read_timeout")
        if count > 0:
            self._came(count)
        return count > 0

    def _came(self, count: int) -> None:
        self.count += count
        since, before = self._window
        if time.monotonic() - since >= SLOW_WINDOW:
            if self.count - before < SLOW_BYTES:
                self.stop("read_timeout")
            self._window = (time.monotonic(), self.count)

    def has_more(self) -> bool:
        """Whether a body of unknown length goes on after the room was used up."""
        if self.length is not None:
            return self.count < self.length
        return bool(self._over) or (not self.stopped and bool(self._read(1)))


class StallWatch:
    """Stops a body on the plain way whose next piece takes longer than a minute."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._done = threading.Event()

    def __enter__(self) -> None:
        threading.Thread(target=self._look, daemon=True).start()

    def __exit__(self, *fault: object) -> None:
        self._done.set()

    def _look(self) -> None:
        before = -1
        while not self._done.wait(SLOW_WINDOW) and self._body.count != before:
            before = self._body.count
        if not self._done.is_set():
            self._body.stop("read_timeout")


def read_form(environ: dict[str, Any]) -> bool:
    """Reads the body for a page, which waits for no client; False if it did not come whole in time.

    A longer one than any form is not read: the page refuses it by its length.
    """
    length = content_length(environ)
    if length == 0:
        return True
    if length is None or length > FORM_MAX:
        environ["wsgi.input"], unread = io.BytesIO(), environ["wsgi.input"]
        close_after_response({"wsgi.input": unread})
        return True
    with Body(environ, until=time.monotonic() + FORM_SECONDS) as body:
        form = b"".join(bytes(piece) for piece in body.pieces(room=FORM_MAX))
    environ["wsgi.input"] = io.BytesIO(form)
    return body.is_whole


def content_length(environ: dict[str, Any]) -> int | None:
    """The declared length in bytes; None for a body that says its end itself, 0 for no body."""
    if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        return None
    text = environ.get("CONTENT_LENGTH") or "0"
    return int(text) if text.isascii() and text.isdigit() else 0


def close_after_response(environ: dict[str, Any]) -> None:
    """The rest of this body is not wanted: the connection closes after the answer instead of reading on."""
    body = environ["wsgi.input"]
    if hasattr(body, "failed"):
        body.failed = True
    if message := getattr(body, "message", None):
        message.must_close = True

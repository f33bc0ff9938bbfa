"""HTTP over a bare socket, for what no library sends: stalled, reset, trickling and malformed requests."""

import contextlib
import json
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.parts.service import Service

TUS_BODY = "application/offset+octet-stream"


@dataclass(frozen=True)
class RawResponse:
    """One response as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["code"])


class RawConnection:
    """One connection; closed at the end of its `with`."""

    def __init__(self, service: Service, *, seconds: float = 90, packets: int = 0) -> None:
        """`packets`: of at most so many bytes, with the smallest window there is, as of a client far away."""
        self.host = urlsplit(service.env["FILSLUSS_BASE_URL"]).netloc
        self.sock = socket.socket()
        self.sock.settimeout(seconds)
        if packets:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, packets)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.sock.connect(("127.0.0.1", service.port))
        self._buffer = b""
        self._first: int | None = None
        self._pause = 0.0

    def __enter__(self) -> "RawConnection":
        return self

    def __exit__(self, *fault: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data[: self._first])
        if self._first is not None:
            time.sleep(self._pause)
            self.sock.sendall(data[self._first :])

    @contextlib.contextmanager
    def in_parts(self, first: int, *, pause: float) -> Iterator[None]:
        """What is sent meanwhile stops for so many seconds after its `first` bytes."""
        self._first, self._pause = first, pause
        yield
        self._first = None

    def send_request(self, method: str, path: str, body: bytes = b"", **headers: str | int) -> None:
        """A request's head, and whatever of its body is given; `_` in a name is a dash."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}"]
        lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def send_patch(
        self, where: str, offset: int, body: bytes = b"", *, length: int | None, **more: str | int
    ) -> None:
        """A PATCH that promises `length` bytes (None: says nothing of it) and sends `body`."""
        promised: dict[str, str | int] = {} if length is None else {"Content_Length": length}
        about: dict[str, str | int] = {
            "Tus_Resumable": "1.0.0",
            "Upload_Offset": offset,
            "Content_Type": TUS_BODY,
        }
        self.send_request("PATCH", where, body, **{**about, **promised, **more})

    def read_line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._receive()
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line

    def _receive(self) -> None:
        data = self.sock.recv(1 << 16)
        if not data:
            raise ConnectionResetError("the service closed the connection")
        self._buffer += data

    def read_response(self) -> RawResponse:
        """The next final response; an interim one before it is an error."""
        status = int(self.read_line().split()[1])
        headers: dict[str, str] = {}
        while line := self.read_line():
            name, _, text = line.decode("latin-1").partition(":")
            headers[name] = text.strip()
        length = int(headers.get("Content-Length", "0"))
        while len(self._buffer) < length:
            self._receive()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return RawResponse(status, headers, body)

    def is_closed_by_peer(self, seconds: float = 90) -> bool:
        """Whether the service closes the connection within that time."""
        self.sock.settimeout(seconds)
        try:
            while self.sock.recv(1 << 16):
                pass
        except TimeoutError:
            return False
        except ConnectionResetError:
            return True
        return True

    def reset(self) -> None:
        """Closes it so that the other side gets RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def half_close(self) -> None:
        """Shuts our sending side; we still read."""
        self.sock.shutdown(socket.SHUT_WR)

    def trickle(self, data: bytes, *, every: float) -> None:
        """One byte at a time, until the service closes the connection."""
        with contextlib.suppress(OSError):
            for number in range(len(data)):
                self.send(data[number : number + 1])
                time.sleep(every)


def chunked(*pieces: bytes) -> bytes:
    """The pieces in chunked coding (RFC 9112, 7.1), with their end."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"

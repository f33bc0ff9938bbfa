"""A bare wire to a house, for what no library would send: it stops, resets, trickles and lies."""

import contextlib
import json
import socket
import struct
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.parts.house import House

TUS_BODY = "application/offset+octet-stream"


@dataclass(frozen=True)
class Said:
    """One response as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["code"])


class Line:
    """One connection; closed at the end of its `with`."""

    def __init__(self, house: House, *, seconds: float = 30) -> None:
        self.host = urlsplit(house.env["FILSLUSS_BASE_URL"]).netloc
        self.sock = socket.create_connection(("127.0.0.1", house.port), timeout=seconds)
        self._held = b""

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *fault: object) -> None:
        self.sock.close()

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str | int) -> None:
        """A request's head, and whatever of its body is given; `_` in a name is a dash."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}"]
        lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
        self.say("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def append(
        self, where: str, offset: int, body: bytes = b"", *, length: int | None, **more: str | int
    ) -> None:
        """A PATCH that promises `length` bytes (None: says nothing of it) and sends `body`."""
        promised: dict[str, str | int] = {} if length is None else {"Content_Length": length}
        about: dict[str, str | int] = {
            "Tus_Resumable": "1.0.0",
            "Upload_Offset": offset,
            "Content_Type": TUS_BODY,
        }
        self.ask("PATCH", where, body, **{**about, **promised, **more})

    def line(self) -> bytes:
        while b"\r\n" not in self._held:
            self._more()
        line, self._held = self._held.split(b"\r\n", 1)
        return line

    def _more(self) -> None:
        data = self.sock.recv(1 << 16)
        if not data:
            raise ConnectionResetError("the house closed the connection")
        self._held += data

    def answer(self) -> Said:
        """The next final response; an interim one before it is a fault."""
        status = int(self.line().split()[1])
        headers: dict[str, str] = {}
        while line := self.line():
            name, _, text = line.decode("latin-1").partition(":")
            headers[name] = text.strip()
        length = int(headers.get("Content-Length", "0"))
        while len(self._held) < length:
            self._more()
        body, self._held = self._held[:length], self._held[length:]
        return Said(status, headers, body)

    def is_ended(self, seconds: float = 30) -> bool:
        """Whether the house hangs up within that time."""
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
        """Gone without a word: the other side gets RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def say_no_more(self) -> None:
        """Half closed: we still listen."""
        self.sock.shutdown(socket.SHUT_WR)

    def trickle(self, data: bytes, *, every: float) -> None:
        """One byte at a time, until the house hangs up."""
        with contextlib.suppress(OSError):
            for number in range(len(data)):
                self.say(data[number : number + 1])
                time.sleep(every)


def chunked(*pieces: bytes) -> bytes:
    """The pieces in chunked coding (RFC 9112, 7.1), with their end."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"

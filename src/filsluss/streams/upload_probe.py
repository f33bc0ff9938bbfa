"""An upload to ourselves through the public address, slow and cut half-way: how much of it is kept?"""

import http.client
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

MIB = 1 << 20
SIZE, SENT, PIECES = 4 * MIB, 2 * MIB, 32
PAUSE = 0.1  # seconds between two pieces: 640 KiB/s
SETTLE = 1.0  # seconds for what is on its way through a proxy

TUS = {"Tus-Resumable": "1.0.0"}


class NoWayThrough(Exception):
    """The public address does not lead to our uploads; the text says what came instead of them."""


@dataclass(frozen=True)
class Kept:
    """Bytes that were sent before the cut, and those that were here after it."""

    sent: int
    kept: int


class Probe:
    """Speaks to `base_url` as any client would; raises NoWayThrough."""

    def __init__(self, base_url: str, token: str) -> None:
        self._parts = urlsplit(base_url)
        self._files = f"/upload/{token}/files"

    def _line(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        return kind(self._parts.hostname or "", self._parts.port, timeout=15)

    def _ask(self, method: str, path: str, headers: dict[str, str], expected: int, answer: str) -> str:
        """The header `answer` of a response that must have that status."""
        line = self._line()
        try:
            line.request(method, path, headers={**TUS, **headers})
            said = line.getresponse()
            said.read()
        except (OSError, http.client.HTTPException) as fault:
            raise NoWayThrough(f"cannot be reached from here: {fault}") from None
        finally:
            line.close()
        value = said.headers.get(answer)
        if said.status != expected or value is None:
            raise NoWayThrough(f"answered {said.status} to {method}, as this installation would not")
        return value

    def run(self) -> Kept:
        where = self._ask("POST", self._files, {"Upload-Length": str(SIZE)}, 201, "Location")
        path = urlsplit(where).path
        sent = self._send_and_cut(path)
        time.sleep(SETTLE)
        return Kept(sent, int(self._ask("HEAD", path, {}, 200, "Upload-Offset")))

    def _send_and_cut(self, path: str) -> int:
        line = self._line()
        try:
            line.putrequest("PATCH", path)
            for name, text in {
                **TUS,
                "Upload-Offset": "0",
                "Content-Type": "application/offset+octet-stream",
                "Content-Length": str(SIZE),
            }.items():
                line.putheader(name, text)
            line.endheaders()
            for _ in range(PIECES):
                line.send(bytes(SENT // PIECES))
                time.sleep(PAUSE)
        except OSError as fault:
            raise NoWayThrough(f"cut an upload that went on: {fault}") from None
        finally:
            line.close()
        return SENT

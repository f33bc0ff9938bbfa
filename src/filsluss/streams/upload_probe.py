"""A test upload through the public address, slow and cut half-way: how many bytes arrived here?"""

import http.client
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from filsluss.rules.paths import HEALTHZ, UPLOAD

MIB = 1 << 20
SIZE, SENT, PIECES = 4 * MIB, 2 * MIB, 32
PAUSE_SECONDS = 0.1
"""Between two pieces, which makes 640 KiB/s."""
SETTLE_SECONDS = 1.0
"""For bytes that are still on their way through a proxy."""

TUS = {"Tus-Resumable": "1.0.0"}


class NoWayThrough(Exception):
    """The public address does not lead to this installation; the text says what it answered."""


@dataclass(frozen=True)
class Kept:
    """Bytes sent before the connection was cut, and bytes stored after it."""

    sent: int
    kept: int


def connect(base_url: str) -> http.client.HTTPConnection:
    """A connection to the public address, not opened yet."""
    parts = urlsplit(base_url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=15)


def ask(base_url: str) -> None:
    """Asks whether the service is alive there; raises NoWayThrough if it does not answer so."""
    connection = connect(base_url)
    try:
        connection.request("GET", HEALTHZ.path())
        answered = connection.getresponse().status
    except (OSError, http.client.HTTPException) as fault:
        raise NoWayThrough(f"cannot be reached from here: {fault}") from None
    finally:
        connection.close()
    if answered != 200:
        raise NoWayThrough(f"answered {answered} to {HEALTHZ.path()}, as this installation would not")


class Probe:
    """A tus client of `base_url`; raises NoWayThrough."""

    def __init__(self, base_url: str, token: str) -> None:
        self._base_url = base_url
        self._files = UPLOAD.path(token, "files")

    def _request(self, method: str, path: str, headers: dict[str, str], status: int, header: str) -> str:
        """The value of `header` in the response, which must have `status`."""
        connection = connect(self._base_url)
        try:
            connection.request(method, path, headers={**TUS, **headers})
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as fault:
            raise NoWayThrough(f"cannot be reached from here: {fault}") from None
        finally:
            connection.close()
        value = response.headers.get(header)
        if response.status != status or value is None:
            raise NoWayThrough(f"answered {response.status} to {method}, as this installation would not")
        return value

    def run(self) -> Kept:
        location = self._request("POST", self._files, {"Upload-Length": str(SIZE)}, 201, "Location")
        path = urlsplit(location).path
        sent = self._send_and_cut(path)
        time.sleep(SETTLE_SECONDS)
        return Kept(sent, int(self._request("HEAD", path, {}, 200, "Upload-Offset")))

    def _send_and_cut(self, path: str) -> int:
        connection = connect(self._base_url)
        try:
            connection.putrequest("PATCH", path)
            for name, text in {
                **TUS,
                "Upload-Offset": "0",
                "Content-Type": "application/offset+octet-stream",
                "Content-Length": str(SIZE),
            }.items():
                connection.putheader(name, text)
            connection.endheaders()
            for _ in range(PIECES):
                connection.send(bytes(SENT // PIECES))
                time.sleep(PAUSE_SECONDS)
        except OSError as fault:
            raise NoWayThrough(f"closed the connection during an upload: {fault}") from None
        finally:
            connection.close()
        return SENT

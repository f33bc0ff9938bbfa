"""A client that is not the bottleneck: the kernel sends the file, and received bytes are only counted."""

import hashlib
import http.client
import os
import re
import socket
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MIB = 1 << 20
# Left to itself the kernel gives a connection whose first answer took five milliseconds a buffer of 32 MiB,
# past every cache, and one that was answered at once 2 to 6 MiB: a quarter of the speed, whatever the server.
WINDOW = 2 * MIB
TUS = {"Tus-Resumable": "1.0.0"}
BODY = {**TUS, "Content-Type": "application/offset+octet-stream"}


class WrongAnswer(Exception):
    """The server did not do what was asked: this run counts for nothing."""


@dataclass(frozen=True)
class Source:
    """A file to send: its path, its length in bytes and its SHA-256."""

    path: Path
    size: int
    sha256: str


def make_source(folder: Path, size: int) -> Source:
    """Bytes that no file system and no network can compress."""
    path = folder / f"source-{size}"
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for piece in _noise(size):
            file.write(piece)
            digest.update(piece)
    return Source(path, size, digest.hexdigest())


def _noise(size: int) -> Iterator[bytes]:
    for start in range(0, size, MIB):
        yield os.urandom(min(MIB, size - start))


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Connection:
    """One connection to a server on this machine, kept open over its requests."""

    def __init__(self, port: int, host: str = "") -> None:
        self._host = host or f"127.0.0.1:{port}"
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
        self.sock.connect(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *fault: object) -> None:
        self.sock.close()

    def send_head(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> None:
        """The head of a request, with as much of its body as fits in memory."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def send_file(self, source: Source) -> None:
        with source.path.open("rb") as file:
            sent = 0
            while sent < source.size:
                sent += os.sendfile(self.sock.fileno(), file.fileno(), sent, source.size - sent)

    def read_response(self, method: str, *expected: int) -> http.client.HTTPMessage:
        """The answer's headers, its body read to the end; raises WrongAnswer for another status."""
        answer = http.client.HTTPResponse(self.sock, method=method)
        answer.begin()
        text = answer.read()
        if answer.status not in expected:
            raise WrongAnswer(f"{method}: {answer.status} {text[:200]!r}")
        return answer.headers


def put(connection: Connection, path: str, source: Source) -> None:
    """A whole file in one request, as `curl -T` sends it."""
    connection.send_head("PUT", path, {"Content-Length": str(source.size)})
    connection.send_file(source)
    connection.read_response("PUT", 200, 201, 204)


def create(connection: Connection, path: str, size: int) -> str:
    """A tus creation; returns the path of the new upload."""
    name = f"filename {b64encode(b'fil.bin').decode()}"
    connection.send_head(
        "POST",
        path,
        {**TUS, "Upload-Length": str(size), "Upload-Metadata": name, "Content-Length": "0"},
    )
    return urlsplit(connection.read_response("POST", 201)["Location"]).path


def patch(connection: Connection, where: str, source: Source) -> None:
    """All of the source in one PATCH."""
    connection.send_head("PATCH", where, {**BODY, "Upload-Offset": "0", "Content-Length": str(source.size)})
    connection.send_file(source)
    offset = connection.read_response("PATCH", 204)["Upload-Offset"]
    if offset != str(source.size):
        raise WrongAnswer(f"the server is at offset {offset} of {source.size}")


def create_with(connection: Connection, path: str, source: Source) -> None:
    """A tus creation that carries the whole file."""
    name = f"filename {b64encode(b'fil.bin').decode()}"
    about = {"Upload-Length": str(source.size), "Upload-Metadata": name, "Content-Length": str(source.size)}
    connection.send_head("POST", path, {**BODY, **about})
    connection.send_file(source)
    offset = connection.read_response("POST", 201)["Upload-Offset"]
    if offset != str(source.size):
        raise WrongAnswer(f"the server is at offset {offset} of {source.size}")


def send_tus(connection: Connection, path: str, source: Source) -> None:
    """One file over tus: the creation and one PATCH."""
    patch(connection, create(connection, path, source.size), source)


def fetch(
    connection: Connection, path: str, first: int | None = None, length: int = 0, digest: Any = None
) -> int:
    """GETs a file, or `length` bytes of it from byte `first` on; returns how many bytes came.

    They are counted and thrown away, or handed to `digest`.
    """
    asked = {} if first is None else {"Range": f"bytes={first}-{first + length - 1}"}
    connection.send_head("GET", path, asked)
    head, begun = _head(connection.sock)
    if head.split(b" ", 2)[1:2] != [b"200" if first is None else b"206"]:
        raise WrongAnswer(f"GET: {head[:200]!r}")
    found = re.search(rb"(?i)\r\nContent-Length: *(\d+)", head)
    if not found:
        raise WrongAnswer(f"GET: {head!r} does not say how long it is")
    return _take(connection.sock, begun, int(found[1]), digest)


def _head(sock: socket.socket) -> tuple[bytes, bytes]:
    """The head of an answer, and what came of its body with it."""
    seen = b""
    while b"\r\n\r\n" not in seen and (piece := sock.recv(4096)):
        seen += piece
    head, _, begun = seen.partition(b"\r\n\r\n")
    return head, begun


def _take(sock: socket.socket, begun: bytes, length: int, digest: Any) -> int:
    buffer = memoryview(bytearray(MIB // 4))
    count = len(begun)
    if digest:
        digest.update(begun)
    while count < length and (more := sock.recv_into(buffer)):
        count += more
        if digest:
            digest.update(buffer[:more])
    return count

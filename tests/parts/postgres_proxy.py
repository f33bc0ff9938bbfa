"""A proxy before PostgreSQL that ends a connection after a commit and before its answer."""

import contextlib
import re
import socket
import struct
import threading
from pathlib import Path
from typing import IO
from urllib.parse import quote, unquote, urlsplit

from tests.parts.installation import folder

SOCKET = ".s.PGSQL.5432"
IDLE = b"I"
"""The status of a session that is in no transaction (PostgreSQL, "Message Formats", ReadyForQuery)."""


class PostgresProxy:
    """`url` leads through it to the database of another address, a socket in a folder.

    It knows of each connection which statements its transaction has had. Until then it passes everything on.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = f"{unquote(parts.netloc.rpartition('@')[2])}/{SOCKET}"
        own = folder("pg-proxy")
        self.url = f"postgresql://{parts.username}@{quote(str(own), safe='')}{parts.path}"
        self._pattern: re.Pattern[bytes] | None = None
        self._left = 0
        self._mutex = threading.Lock()
        self.lost = 0
        """How many answers were lost since `lose` was called."""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(own / SOCKET))
        Path(own / SOCKET).chmod(0o777)
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self, pattern: str, times: int = 1) -> None:
        """The answers to the next commits of transactions with such a statement do not come."""
        with self._mutex:
            self._pattern, self._left, self.lost = re.compile(pattern.encode(), re.DOTALL), times, 0

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self._target)
            except OSError:
                client.close()
                continue
            session = _Session(self, client, server)
            threading.Thread(target=session.pass_statements, daemon=True).start()
            threading.Thread(target=session.pass_answers, daemon=True).start()

    def is_lost(self, statements: list[bytes]) -> bool:
        """Whether the answer that tells of this transaction's commit is not to come; counts it then."""
        with self._mutex:
            if not (self._left and self._pattern and any(map(self._pattern.search, statements))):
                return False
            self._left -= 1
            self.lost += 1
            return True


class _Session:
    def __init__(self, proxy: PostgresProxy, client: socket.socket, server: socket.socket) -> None:
        self.proxy, self.client, self.server = proxy, client, server
        self.statements: list[bytes] = []
        self.prepared: dict[bytes, bytes] = {}
        self.is_asked = False

    def pass_statements(self) -> None:
        with contextlib.suppress(OSError, EOFError), self.client.makefile("rb") as said:
            head = exactly(said, 4)
            self.server.sendall(head + exactly(said, length(head)))
            while True:
                kind, head, body = message(said)
                self.note(kind, body)
                self.server.sendall(kind + head + body)
        self.end()

    def note(self, kind: bytes, body: bytes) -> None:
        if kind == b"Q":
            self.statements.append(body)
        elif kind == b"P":
            name, query, _ = body.split(b"\0", 2)
            self.prepared[name] = query
        elif kind == b"B":
            _, name, _ = body.split(b"\0", 2)
            self.statements.append(self.prepared.get(name, b""))
        self.is_asked = self.is_asked or kind in (b"Q", b"S")

    def pass_answers(self) -> None:
        with contextlib.suppress(OSError, EOFError), self.server.makefile("rb") as said:
            waiting = b""
            while True:
                kind, head, body = message(said)
                waiting += kind + head + body
                if kind == b"Z":
                    self.is_asked = False
                    if body == IDLE:
                        statements, self.statements = self.statements, []
                        if self.proxy.is_lost(statements):
                            break
                if not self.is_asked:
                    self.client.sendall(waiting)
                    waiting = b""
        self.end()

    def end(self) -> None:
        for each in (self.client, self.server):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def message(said: IO[bytes]) -> tuple[bytes, bytes, bytes]:
    """One with its kind before it: kind, length, and what follows."""
    kind, head = exactly(said, 1), exactly(said, 4)
    return kind, head, exactly(said, length(head))


def length(head: bytes) -> int:
    """Of what follows; the number counts itself."""
    return int(struct.unpack("!i", head)[0]) - 4


def exactly(said: IO[bytes], count: int) -> bytes:
    data = said.read(count)
    if len(data) < count:
        raise EOFError
    return data

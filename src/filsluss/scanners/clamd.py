"""A client for clamd: streams a file to it and reads the verdict; a file not scanned whole is not clean."""

# The commands, the stream's framing and the replies are those of clamd(8); zNAME and NUL delimit them.

import contextlib
import io
import re
import socket
import struct
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

STREAM_MAX = 2**31 - 1
"""The most bytes clamd accepts as one stream, whatever its settings say."""
SCAN_MAX = STREAM_MAX - 2
"""The most bytes of one file it scans (ClamAV 1.4); above this it reports an exceeded limit."""
LONGEST_PATH = 107
"""Of a socket, in bytes (unix(7))."""
REPLY_SECONDS, VERDICT_SECONDS = 30.0, 1800.0
"""How long to wait for the reply to a command, and for the verdict on a whole file."""
TICK_SECONDS = 5.0
"""The interval of `tick` while clamd scans."""
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}" + rb"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""The harmless test virus (eicar.org), in two halves so that no scanner takes this file for it."""
NESTING = 101
"""One more nested archive than clamd's MaxRecursion can be set to."""


class NotScanned(Exception):
    """There is no verdict on the whole file; `for_good` if scanning it again would not help."""

    def __init__(self, reason: str, *, for_good: bool = False) -> None:
        super().__init__(reason)
        self.for_good = for_good


@dataclass(frozen=True)
class Clamd:
    """`where` is a socket's path, or host and port; every command opens a connection of its own."""

    where: str | tuple[str, int]

    @classmethod
    def at(cls, text: str) -> "Clamd":
        """The daemon at `unix:/path` or `tcp:host:port`; raises ValueError for anything else."""
        kind, _, rest = text.partition(":")
        host, _, port = rest.rpartition(":")
        if kind == "unix" and rest.startswith("/") and len(rest.encode()) <= LONGEST_PATH:
            return cls(rest)
        if kind == "tcp" and host and port.isascii() and port.isdecimal() and 0 < int(port) < 65536:
            return cls((host.strip("[]"), int(port)))
        raise ValueError("must be unix:/path or tcp:host:port")

    def version(self) -> str:
        return self._command(b"zVERSION\0")

    def scan(self, pieces: Iterable[bytes], *, size: int, tick: Callable[[], None] = lambda: None) -> str:
        """The name of the virus found in the pieces, empty if they are clean; raises NotScanned.

        `tick` is called before each piece and every TICK_SECONDS after them; it may raise to stop the scan.
        """
        if size > STREAM_MAX:
            raise NotScanned("the file is larger than clamd can be sent (2 GiB - 1)", for_good=True)
        virus = parse_reply(self._stream(pieces, tick))
        if not virus and not self.reports_exceeded_limits():
            raise NotScanned("clamd reports unscanned files as clean: set AlertExceedsMax yes in clamd.conf")
        return virus

    def reports_exceeded_limits(self) -> bool:
        """Whether AlertExceedsMax is on; by default clamd answers "OK" for a file that exceeds its limits."""
        return "Limits.Exceeded" in self._stream([deeply_nested_archive()], lambda: None)

    def accepts(self, size: int) -> bool:
        """Whether StreamMaxLength allows a stream of that many bytes; none are sent."""
        with self._connection() as connection:
            connection.sendall(b"zINSTREAM\0" + struct.pack("!I", size))
            connection.settimeout(0.5)
            try:
                return not connection.recv(1)
            except TimeoutError:
                return True  # no refusal: clamd is waiting for the bytes

    def _command(self, command: bytes) -> str:
        with self._connection() as connection:
            connection.sendall(command)
            return read_reply(connection, patience=REPLY_SECONDS)

    def _stream(self, pieces: Iterable[bytes], tick: Callable[[], None]) -> str:
        with self._connection() as connection:
            try:
                connection.sendall(b"zINSTREAM\0")
                for piece in pieces:
                    tick()
                    connection.sendall(struct.pack("!I", len(piece)))
                    connection.sendall(piece)
                connection.sendall(struct.pack("!I", 0))
            except (BrokenPipeError, ConnectionResetError):
                pass  # clamd may have sent the reason before it closed the connection
            return read_reply(connection, patience=VERDICT_SECONDS, tick=tick)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[socket.socket]:
        try:
            with self._connect() as connection:
                yield connection
        except OSError as fault:
            raise NotScanned(f"clamd does not answer: {fault.strerror or fault}") from fault

    def _connect(self) -> socket.socket:
        if not isinstance(self.where, str):
            return socket.create_connection(self.where, REPLY_SECONDS)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(REPLY_SECONDS)
        try:
            connection.connect(self.where)
        except OSError:
            connection.close()
            raise
        return connection


def read_reply(connection: socket.socket, *, patience: float, tick: Callable[[], None] = lambda: None) -> str:
    """The reply up to its NUL. Raises TimeoutError after `patience` seconds, ConnectionError if cut short."""
    deadline, received = time.monotonic() + patience, b""
    connection.settimeout(TICK_SECONDS)
    while b"\0" not in received:
        try:
            more = connection.recv(4096)
        except TimeoutError:
            tick()
            if time.monotonic() > deadline:
                raise
            continue
        if not more or len(received) > 4096:
            raise ConnectionError("the connection was closed before a reply")
        received += more
    return received.partition(b"\0")[0].decode(errors="replace")


def parse_reply(reply: str) -> str:
    """The virus that clamd names, empty for clean; raises NotScanned for any other reply."""
    if reply == "stream: OK":
        return ""
    found = re.fullmatch("stream: (.+) FOUND", reply)
    name = re.sub("[^!-~]", "?", found[1])[:200] if found else ""
    if "Limits.Exceeded" in name:
        raise NotScanned(f"the file is over clamd's limits: {name}")
    if ".Encrypted" in name:
        raise NotScanned(f"clamd cannot look into the file: {name}", for_good=True)
    if not name:
        raise NotScanned(f"clamd answered: {reply[:200]}")
    return name


@cache
def deeply_nested_archive() -> bytes:
    """A small ZIP nested deeper than any MaxRecursion, so that scanning it exceeds a limit."""
    inner = b"deep"
    for _ in range(NESTING):
        outer = io.BytesIO()
        with zipfile.ZipFile(outer, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(zipfile.ZipInfo("a"), inner)
        inner = outer.getvalue()
    return inner

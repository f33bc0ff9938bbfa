"""clamd over its socket: a blob streamed in, a verdict back; what was not looked at whole is not clean."""

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

LARGEST = 2**31 - 1
"""Bytes that clamd can be sent as one stream, whatever its settings say."""
LOOKED_AT = LARGEST - 2
"""Bytes of one file that it then looks at (ClamAV 1.4); about the two between it says that it did not."""
ANSWER, VERDICT = 30.0, 1800.0
"""Seconds to wait for a word, and for a whole file to be looked at."""
TICK_SECONDS = 5.0
"""Seconds between two calls of `tick` while clamd thinks."""
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}" + rb"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""The harmless test virus, in two halves: this file is none."""
DEEPEST = 101
"""One more nested archive than clamd's MaxRecursion can allow."""


class NotScanned(Exception):
    """No verdict that holds for the whole file; `for_good` where asking again would be no use."""

    def __init__(self, trouble: str, *, for_good: bool = False) -> None:
        super().__init__(trouble)
        self.for_good = for_good


@dataclass(frozen=True)
class Clamd:
    """`where` is a path, or host and port; nothing is kept open between two questions."""

    where: str | tuple[str, int]

    @classmethod
    def at(cls, text: str) -> "Clamd":
        """The daemon at `unix:/path` or `tcp:host:port`; raises ValueError for anything else."""
        kind, _, rest = text.partition(":")
        host, _, port = rest.rpartition(":")
        if kind == "unix" and rest.startswith("/"):
            return cls(rest)
        if kind == "tcp" and host and port.isdecimal() and 0 < int(port) < 65536:
            return cls((host.strip("[]"), int(port)))
        raise ValueError("must be unix:/path or tcp:host:port")

    def version(self) -> str:
        return self._ask(b"zVERSION\0")

    def scan(
        self, pieces: Iterable[bytes], *, size: int, tick: Callable[[], None] = lambda: None
    ) -> str:  # fmt: skip
        """The name of what it found in the pieces, empty if they are clean; raises NotScanned.

        `tick` is called every few seconds, and may raise to give the scan up.
        """
        if size > LARGEST:
            raise NotScanned("the file is larger than clamd can be sent (2 GiB - 1)", for_good=True)
        virus = parse_reply(self._stream(pieces, tick))
        if not virus and not self.reports_exceeded_limits():
            raise NotScanned("clamd calls clean what it has not read: set AlertExceedsMax yes in clamd.conf")
        return virus

    def reports_exceeded_limits(self) -> bool:
        """Whether it says so when a file exceeds its limits (AlertExceedsMax); by default it says "OK"."""
        return "Limits.Exceeded" in self._stream([too_deep()], lambda: None)

    def takes(self, size: int) -> bool:
        """Whether it would take a stream of that many bytes (StreamMaxLength); none are sent."""
        with self._line(ANSWER) as line:
            line.sendall(b"zINSTREAM\0" + struct.pack("!I", size))
            line.settimeout(0.5)
            try:
                return not line.recv(1)
            except TimeoutError:
                return True  # it waits for them

    def _ask(self, command: bytes) -> str:
        with self._line(ANSWER) as line:
            line.sendall(command)
            return read_reply(line, patience=ANSWER)

    def _stream(self, pieces: Iterable[bytes], tick: Callable[[], None]) -> str:
        with self._line(ANSWER) as line:
            try:
                line.sendall(b"zINSTREAM\0")
                for piece in pieces:
                    tick()
                    line.sendall(struct.pack("!I", len(piece)))
                    line.sendall(piece)
                line.sendall(struct.pack("!I", 0))
            except (BrokenPipeError, ConnectionResetError):
                pass  # it may have said why before it hung up
            return read_reply(line, patience=VERDICT, tick=tick)

    @contextlib.contextmanager
    def _line(self, seconds: float) -> Iterator[socket.socket]:
        try:
            with self._connected(seconds) as line:
                yield line
        except OSError as fault:
            raise NotScanned(f"clamd does not answer: {fault.strerror or fault}") from fault

    def _connected(self, seconds: float) -> socket.socket:
        if not isinstance(self.where, str):
            return socket.create_connection(self.where, seconds)
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(seconds)
        try:
            line.connect(self.where)
        except OSError:
            line.close()
            raise
        return line


def read_reply(line: socket.socket, *, patience: float, tick: Callable[[], None] = lambda: None) -> str:
    """Its answer, to the NUL that ends it; raises TimeoutError, and ConnectionError if it broke off."""
    end, words = time.monotonic() + patience, b""
    line.settimeout(TICK_SECONDS)
    while b"\0" not in words:
        try:
            more = line.recv(4096)
        except TimeoutError:
            tick()
            if time.monotonic() > end:
                raise
            continue
        if not more or len(words) > 4096:
            raise ConnectionError("the line broke before an answer")
        words += more
    return words.partition(b"\0")[0].decode(errors="replace")


def parse_reply(answer: str) -> str:
    """The virus of clamd's answer, empty for clean; NotScanned for all that is neither."""
    if answer == "stream: OK":
        return ""
    found = re.fullmatch("stream: (.+) FOUND", answer)
    name = re.sub("[^!-~]", "?", found[1])[:200] if found else ""
    if "Limits.Exceeded" in name:
        raise NotScanned(f"the file is over clamd's limits: {name}")
    if ".Encrypted" in name:
        raise NotScanned(f"clamd cannot look into the file: {name}", for_good=True)
    if not name:
        raise NotScanned(f"clamd answered: {answer[:200]}")
    return name


@cache
def too_deep() -> bytes:
    """A small archive in so many others that no clamd follows to its end."""
    inner = b"deep"
    for _ in range(DEEPEST):
        outer = io.BytesIO()
        with zipfile.ZipFile(outer, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(zipfile.ZipInfo("a"), inner)
        inner = outer.getvalue()
    return inner

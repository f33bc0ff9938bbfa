"""Slow clients in a process of their own: some send nothing more, some three bytes a second."""

# python -m bench.parts.slow_clients PORT HOST HALF_OPEN TRICKLING SECONDS PATH…: TRICKLING of each such kind;
# prints "holding" when all are connected. A client that is cut reconnects, for so many seconds. When none is
# left, or PATIENCE seconds have passed, it prints in JSON how long each connection lasted.

import contextlib
import heapq
import json
import resource
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field

BEAT = 1.0
PIECE = b"aaa"
PATIENCE = 120.0

HEAD = "GET / HTTP/1.1\r\nHost: {host}\r\nX-Slow: "
FORM = (
    "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    "Content-Length: 60000\r\n\r\n"
)
UPLOAD = (
    "POST {place} HTTP/1.1\r\nHost: {host}\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 1000000\r\n"
    "Upload-Metadata: filename ZmlsLmJpbg==\r\nContent-Type: application/offset+octet-stream\r\n"
    "Content-Length: 1000000\r\n\r\n"
)
HALF_OPEN = {"nothing said": "", "a header begun": HEAD}
TRICKLING = {"a header that trickles": HEAD, "a form that trickles": FORM, "an upload that trickles": UPLOAD}


@dataclass(eq=False)
class Slow:
    """One client, and the seconds that each of its connections lasted."""

    kind: str
    opening: bytes
    address: tuple[str, int]
    lasted: list[float] = field(default_factory=list)

    def connect(self, poller: selectors.BaseSelector) -> None:
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.begun = 0.0
        self.sock.connect_ex(self.address)
        poller.register(self.sock, selectors.EVENT_WRITE, self)

    def begin(self, poller: selectors.BaseSelector) -> None:
        """Connected."""
        self.begun = time.monotonic()
        poller.modify(self.sock, selectors.EVENT_READ, self)
        self.send(self.opening)

    def send(self, words: bytes) -> None:
        with contextlib.suppress(OSError):  # the next read will find it closed
            self.sock.send(words)

    def is_cut(self) -> bool:
        """Whether it is; an answer before that is read and thrown away."""
        try:
            return not self.sock.recv(1 << 16)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def disconnect(self, poller: selectors.BaseSelector) -> None:
        poller.unregister(self.sock)
        self.sock.close()
        self.lasted.append(time.monotonic() - self.begun)


class Crowd:
    def __init__(self, everybody: list[Slow]) -> None:
        self.everybody = everybody
        self.poller = selectors.DefaultSelector()
        now = time.monotonic()
        self.due = [
            (now + BEAT * number / len(everybody), number)
            for number, slow in enumerate(everybody)
            if slow.kind in TRICKLING
        ]
        heapq.heapify(self.due)
        for slow in everybody:
            slow.connect(self.poller)

    def step(self, *, renew: bool) -> None:
        now = time.monotonic()
        for key, _ in self.poller.select(max(0.0, self.due[0][0] - now) if self.due else BEAT):
            self.handle(key.data, renew=renew)
        while self.due and self.due[0][0] <= time.monotonic():
            when, number = heapq.heappop(self.due)
            if self.everybody[number].begun:
                self.everybody[number].send(PIECE)
            heapq.heappush(self.due, (when + BEAT, number))

    def handle(self, slow: Slow, *, renew: bool) -> None:
        if not slow.begun:
            slow.begin(self.poller)
        elif slow.is_cut():
            slow.disconnect(self.poller)
            if renew:
                slow.connect(self.poller)

    def is_connected(self) -> bool:
        return all(slow.begun for slow in self.everybody)

    def left(self) -> int:
        return len(self.poller.get_map())


def round_robin(kinds: dict[str, str], count: int, host: str, port: int, places: list[str]) -> list[Slow]:
    found = []
    for number in range(count):
        kind, opening = list(kinds.items())[number % len(kinds)]
        words = opening.format(host=host, place=places[number % len(places)])
        found.append(Slow(kind, words.encode(), ("127.0.0.1", port)))
    return found


def report(everybody: list[Slow]) -> dict[str, list[float]]:
    """By kind, the seconds of all connections that were cut; of one that was not, infinity."""
    by_kind: dict[str, list[float]] = {}
    for slow in everybody:
        standing = [float("inf")] if slow.sock.fileno() != -1 else []
        by_kind.setdefault(slow.kind, []).extend([*slow.lasted, *standing])
    return by_kind


def main(port: str, host: str, half_open: str, trickling: str, seconds: str, *places: str) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowd = Crowd(
        [
            *round_robin(HALF_OPEN, int(half_open), host, int(port), list(places)),
            *round_robin(TRICKLING, int(trickling) * len(TRICKLING), host, int(port), list(places)),
        ]
    )
    while not crowd.is_connected():
        crowd.step(renew=True)
    print("holding", flush=True)
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        crowd.step(renew=True)
    print("no more", flush=True)
    while crowd.left() and time.monotonic() < end + PATIENCE:
        crowd.step(renew=False)
    print(json.dumps(report(crowd.everybody)))


if __name__ == "__main__":
    main(*sys.argv[1:])

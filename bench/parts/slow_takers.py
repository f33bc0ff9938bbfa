"""Clients, in a process of their own, that take 1 KiB a second, or do not close what they asked to close."""

# python -m bench.parts.slow_takers PORT HOST KIND COUNT PATH…: KIND is "takers", COUNT of them, each from a
# network of its own, or "closers", COUNT new ones a second. Prints "holding" when all have asked; at a line
# on standard input it ends, and prints in JSON how many answers of each status came, and how many go on.

import contextlib
import errno
import json
import resource
import select
import socket
import sys
import time
from collections import Counter, deque

BEAT = 1.0
PIECE = 1024
BUFFER = 4096
PAUSE = 5.0  # until one that was refused or cut asks again
KEPT = 10.0  # how long a closer keeps its connection

GET = "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"
CLOSE = "GET /help HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"


def connect(port: int, number: int) -> socket.socket:
    """From an address of its own: all of 127.0.0.0/8 is this machine."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    sock.setblocking(False)
    sock.bind((f"127.1.{number // 250}.{number % 250 + 1}", 0))
    if sock.connect_ex(("127.0.0.1", port)) not in (0, errno.EINPROGRESS):
        sock.close()
    return sock


class Taker:
    """One client, which is given its turn once a second."""

    def __init__(self, number: int, port: int, request: bytes) -> None:
        self._number, self._port, self._request = number, port, request
        self._sock: socket.socket | None = None
        self._asked = self.goes_on = False
        self._again = 0.0

    def turn(self, statuses: Counter[str]) -> None:
        if self._sock is None:
            if time.monotonic() >= self._again:
                self._sock, self._asked, self.goes_on = connect(self._port, self._number), False, False
            return
        try:
            if not self._asked:
                self._sock.send(self._request)
                self._asked = True
                return
            self._take(self._sock.recv(PIECE), statuses)
        except BlockingIOError:
            return
        except OSError:
            self._give_up()

    def _take(self, piece: bytes, statuses: Counter[str]) -> None:
        if piece and not self.goes_on:
            status = piece.split(b" ", 2)[1].decode()
            statuses[status] += 1
            self.goes_on = status == "200"
        if not piece or not self.goes_on:
            self._give_up()

    def _give_up(self) -> None:
        assert self._sock
        self._sock.close()
        self._sock, self.goes_on, self._again = None, False, time.monotonic() + PAUSE


def take(takers: list[Taker], statuses: Counter[str]) -> None:
    """Each in turn, spread evenly over the second; until a line comes on standard input."""
    beats = 0
    while not is_over():
        start = time.monotonic()
        for number, taker in enumerate(takers):
            time.sleep(max(0.0, start + BEAT * number / len(takers) - time.monotonic()))
            taker.turn(statuses)
        beats += 1
        if beats == 3:
            print("holding", flush=True)


def close(port: int, host: str, rate: int, statuses: Counter[str]) -> None:
    kept: deque[tuple[float, socket.socket]] = deque()
    print("holding", flush=True)
    due = time.monotonic()
    while not is_over():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0) as sock:
            sock.sendall(CLOSE.format(host=host).encode())
            kept.append((time.monotonic() + KEPT, sock.dup()))
            statuses["asked"] += 1
        while kept and kept[0][0] <= time.monotonic():
            kept.popleft()[1].close()
        due += 1 / rate
        time.sleep(max(0.0, due - time.monotonic()))


def is_over() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


def main(port: str, host: str, kind: str, count: str, *paths: str) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    statuses: Counter[str] = Counter()
    takers: list[Taker] = []
    if kind == "takers":
        requests = [GET.format(path=path, host=host).encode() for path in paths]
        takers = [Taker(n, int(port), requests[n % len(requests)]) for n in range(int(count))]
        take(takers, statuses)
    else:
        close(int(port), host, int(count), statuses)
    print(json.dumps({**statuses, "going on": sum(each.goes_on for each in takers)}))


if __name__ == "__main__":
    main(*sys.argv[1:])

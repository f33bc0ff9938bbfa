"""Slow senders, all at once, in a process of their own: each sends a file at its rate, to the end."""

# python -m bench.parts.slow_senders PORT HOST PATH COUNT RATE SOURCE: prints "sending" when all have begun.

import heapq
import sys
import time
from pathlib import Path

from bench.parts.client import BODY, Connection, create

BEAT = 0.04  # seconds between two pieces of one sender: what a mobile phone's round trip may be


def begin(port: int, host: str, place: str, size: int) -> Connection:
    connection = Connection(port, host)
    where = create(connection, place, size)
    connection.send_head("PATCH", where, {**BODY, "Upload-Offset": "0", "Content-Length": str(size)})
    return connection


def trickle(connections: list[Connection], data: memoryview, piece: int) -> None:
    """Sends each connection's next piece every BEAT; the beats are spread evenly over the connections."""
    start = time.monotonic()
    due = [(start + BEAT * number / len(connections), number, 0) for number in range(len(connections))]
    heapq.heapify(due)
    while due:
        when, number, sent = heapq.heappop(due)
        time.sleep(max(0.0, when - time.monotonic()))
        connections[number].sock.sendall(data[sent : sent + piece])
        if sent + piece < len(data):
            heapq.heappush(due, (when + BEAT, number, sent + piece))


def main(port: str, host: str, place: str, count: str, rate: str, source: str) -> None:
    data = memoryview(Path(source).read_bytes())
    connections = [begin(int(port), host, place, len(data)) for _ in range(int(count))]
    print("sending", flush=True)
    trickle(connections, data, int(int(rate) * BEAT))
    for connection in connections:
        connection.read_response("PATCH", 204)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Slow senders, all at once, in a process of their own: each sends a file at its rate, to the end."""

# python -m bench.parts.crowd PORT HOST PLACE COUNT RATE SOURCE: says "sending" when all are under way.

import heapq
import sys
import time
from pathlib import Path

from bench.parts.client import BODY, Line, create

BEAT = 0.04  # seconds between two pieces of one sender: what a mobile phone's round trip may be


def begin(port: int, host: str, place: str, size: int) -> Line:
    line = Line(port, host)
    where = create(line, place, size)
    line.say("PATCH", where, {**BODY, "Upload-Offset": "0", "Content-Length": str(size)})
    return line


def trickle(lines: list[Line], data: memoryview, piece: int) -> None:
    """Each line its next piece every beat; the beats are spread evenly over the lines."""
    start = time.monotonic()
    due = [(start + BEAT * number / len(lines), number, 0) for number in range(len(lines))]
    heapq.heapify(due)
    while due:
        when, number, sent = heapq.heappop(due)
        time.sleep(max(0.0, when - time.monotonic()))
        lines[number].sock.sendall(data[sent : sent + piece])
        if sent + piece < len(data):
            heapq.heappush(due, (when + BEAT, number, sent + piece))


def main(port: str, host: str, place: str, count: str, rate: str, source: str) -> None:
    data = memoryview(Path(source).read_bytes())
    lines = [begin(int(port), host, place, len(data)) for _ in range(int(count))]
    print("sending", flush=True)
    trickle(lines, data, int(int(rate) * BEAT))
    for line in lines:
        line.hear("PATCH", 204)


if __name__ == "__main__":
    main(*sys.argv[1:])

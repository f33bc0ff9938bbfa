"""Response time of the application page during two hundred slow uploads, compared with an idle service."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median, quantiles

from bench.parts import measurement, table
from bench.parts.behind_nginx import BehindNginx
from bench.parts.client import Source, WrongAnswer
from bench.parts.filsluss_server import FilslussServer
from bench.parts.measurement import Session

RATE = 200_000  # bytes a second, each
PAUSE = 0.01


@dataclass
class Watched:
    """One service, and the milliseconds its page took in each round: (p50, p99) idle and under load."""

    server: FilslussServer
    idle: list[tuple[float, float]] = field(default_factory=list)
    crowded: list[tuple[float, float]] = field(default_factory=list)


def look(server: FilslussServer) -> float:
    """Milliseconds from connecting to the last byte of the application page."""
    start = time.perf_counter()
    with server.connection() as connection:
        connection.send_head("GET", "/", {})
        connection.read_response("GET", 200)
    return (time.perf_counter() - start) * 1000


def watch(server: FilslussServer, goes_on: Callable[[], bool]) -> tuple[float, float]:
    """The median and the 99th percentile of the response times until `goes_on` is false."""
    times = []
    while goes_on():
        times.append(look(server))
        time.sleep(PAUSE)
    return median(times), quantiles(times, n=100)[98]


def while_idle(server: FilslussServer, seconds: float) -> tuple[float, float]:
    end = time.monotonic() + seconds
    return watch(server, lambda: time.monotonic() < end)


def while_crowded(server: FilslussServer, source: Source, count: int) -> tuple[float, float]:
    """Every one of the slow uploads must be stored whole."""
    place = server.places(1)[0]
    words = [server.port, server.host, place, count, RATE, source.path]
    crowd = subprocess.Popen(
        [sys.executable, "-m", "bench.parts.slow_senders", *map(str, words)], stdout=subprocess.PIPE
    )
    assert crowd.stdout
    crowd.stdout.readline()
    end = time.monotonic() + source.size / RATE
    seen = watch(server, lambda: time.monotonic() < end and crowd.poll() is None)
    if crowd.wait() != 0:
        raise WrongAnswer("a slow upload was not taken")
    server.check(source, count)
    server.clean()
    return seen


def line_of(watched: Watched) -> list[str]:
    def column(pairs: list[tuple[float, float]], which: int) -> str:
        return table.spread([pair[which] for pair in pairs], ".1f")

    times = [busy[1] / idle[1] for idle, busy in zip(watched.idle, watched.crowded, strict=True)]
    return [
        watched.server.name,
        column(watched.idle, 0),
        column(watched.idle, 1),
        column(watched.crowded, 0),
        column(watched.crowded, 1),
        table.spread(times, ".2f"),
        "≤ 3",
    ]


def rounds(watched: list[Watched], source: Source, count: int, session: Session) -> None:
    for _ in range(session.rounds):
        for one in watched:
            one.idle.append(while_idle(one.server, source.size / RATE))
            one.crowded.append(while_crowded(one.server, source, count))


def main() -> None:
    session = measurement.start_session(__doc__)
    source, count = session.source(20 * RATE, 4 * RATE), session.size(200, 40)
    watched = [
        Watched(FilslussServer("one process", session.folder)),
        Watched(BehindNginx("pages in a process of their own, behind nginx", session.folder, own_pages=True)),
    ]
    for one in watched:
        while_idle(one.server, 1)
    rounds(watched, source, count, session)
    session.describe()
    head = ["", "idle p50 ms", "idle p99 ms", "crowded p50 ms", "crowded p99 ms", "p99 is ×", "must be"]
    table.show(f"{count} uploads at {RATE // 1000} KB/s each", head, [line_of(one) for one in watched])


if __name__ == "__main__":
    main()

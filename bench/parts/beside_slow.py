"""What others get beside slow takers: a page's response time, the speed of an upload and of a download."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import quantiles

from bench.pages import look
from bench.parts import table
from bench.parts.client import MIB, Source, fetch
from bench.parts.filsluss_server import FilslussServer
from bench.parts.measurement import Session
from bench.parts.servers import Server

LOOKS, PAUSE = 100, 0.02
OF_NGINX = "/fil-0.bin"
ACTS = ("page p95 ms", "upload MiB/s", "download MiB/s")


@dataclass(frozen=True)
class Crowd:
    """`count` clients at once, or a second, on so many links."""

    name: str
    kind: str
    count: int
    links: int


@dataclass
class Beside:
    """One service and one crowd; each round's figures by act: alone, and beside a crowd at nginx and at ours.

    Clients, crowd and server share the machine's processors: what a crowd takes by itself shows when it asks
    `other`, an nginx that serves the same bytes.
    """

    server: FilslussServer
    other: Server
    crowd: Crowd
    links: list[str]
    alone: list[dict[str, float]] = field(default_factory=list)
    elsewhere: list[dict[str, float]] = field(default_factory=list)
    under: list[dict[str, float]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)


def measure(server: FilslussServer, source: Source, path: str, session: Session) -> dict[str, float]:
    """The bytes of another's link and of another's account; each figure's own time is seconds."""
    times = []
    for _ in range(LOOKS):
        times.append(look(server))
        time.sleep(PAUSE)
    known = set(server.stored(source.size))
    (place,) = server.places(1)
    session.ready()
    with server.connection() as connection:
        up = speed(source.size, lambda: server.take(connection, place, source))
    for stored in set(server.stored(source.size)) - known:
        stored.unlink()
    with server.connection() as connection:
        down = speed(source.size, lambda: fetch(connection, path))
    return dict(zip(ACTS, (quantiles(times, n=100, method="inclusive")[94], up, down), strict=True))


def speed(size: int, work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return size / MIB / (time.perf_counter() - start)


@contextmanager
def present(crowd: Crowd, server: Server, host: str, links: list[str]) -> Iterator[list[str]]:
    """The crowd, from when all have asked; at its end the list gets its answers."""
    words = [server.port, host, crowd.kind, crowd.count, *links[: crowd.links]]
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.parts.slow_takers", *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    process.stdout.readline()
    answers: list[str] = []
    try:
        yield answers
    finally:
        report = process.communicate("\n")[0].splitlines()[-1]
    answers.append(", ".join(f"{count} {name}" for name, count in json.loads(report).items()))


def run_rounds(measured: list[Beside], source: Source, paths: dict[str, str], session: Session) -> None:
    """Alone and beside both crowds in turn; `paths` by server name is the others' download."""
    for _ in range(min(session.rounds, 5)):
        for one in measured:
            path = paths[one.server.name]
            one.alone.append(measure(one.server, source, path, session))
            with present(one.crowd, one.other, one.server.host, [OF_NGINX]):
                one.elsewhere.append(measure(one.server, source, path, session))
            with present(one.crowd, one.server, one.server.host, one.links) as answers:
                one.under.append(measure(one.server, source, path, session))
            one.answers.extend(answers)
            time.sleep(3)  # until the service has seen that the crowd is gone


def lines_of(one: Beside) -> list[list[str]]:
    name = f"{one.crowd.name}, {one.server.name}"
    lines = []
    for act in ACTS:
        alone, elsewhere, under = (
            [each[act] for each in rounds] for rounds in (one.alone, one.elsewhere, one.under)
        )
        goal = "< 1000" if act.startswith("page") else "≥ 0.8 ×"
        figures = (table.spread(each, ".1f") for each in (alone, elsewhere, under))
        times = (
            table.spread([b / a for a, b in zip(base, under, strict=True)], ".2f")
            for base in (alone, elsewhere)
        )
        lines.append([f"{name}: {act}", *figures, *times, goal])
    return lines


def show(measured: list[Beside]) -> None:
    head = ["", "alone", "they at nginx", "they here", "× alone", "× they at nginx", "must be"]
    table.show("Others beside slow takers", head, [line for one in measured for line in lines_of(one)])
    answers = [[f"{one.crowd.name}, {one.server.name}", "; ".join(one.answers)] for one in measured]
    table.show("What they were answered", ["", "answers"], answers)

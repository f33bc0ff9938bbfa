"""What others get beside slow clients: a page, uploads and downloads, compared with an idle service."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median, quantiles

from bench.pages import look
from bench.parts import beside_slow, kernel_settings, measurement, table
from bench.parts.behind_nginx import BehindNginx
from bench.parts.beside_slow import OF_NGINX, Beside, Crowd
from bench.parts.client import MIB, Source, create_with, make_source
from bench.parts.filsluss_server import FilslussServer
from bench.parts.measurement import Session
from bench.parts.nginx import Nginx

BEAT = 0.1  # seconds from one request of the normal client to the next
ACTS = ("page", "upload")
Times = dict[str, tuple[float, float, float]]


@dataclass
class UnderLoad:
    """One service; p50, p95, p99 in ms of each act in each round, and how long slow connections lasted."""

    server: FilslussServer
    half_open: int
    trickling: int
    idle: list[Times] = field(default_factory=list)
    under: list[Times] = field(default_factory=list)
    lasted: dict[str, list[float]] = field(default_factory=dict)


def send(server: FilslussServer, place: str, source: Source) -> None:
    with server.connection() as connection:
        create_with(connection, place, source)


def live(server: FilslussServer, source: Source, goes_on: Callable[[], bool]) -> Times:
    """Page and upload in turn, each when it is due; time spent waiting for the one before counts, too."""
    place = server.places(1)[0]
    acts = {"page": lambda: look(server), "upload": lambda: send(server, place, source)}
    took: dict[str, list[float]] = {act: [] for act in ACTS}
    for due, act in beats(goes_on):
        acts[act]()
        took[act].append((time.monotonic() - due) * 1000)
    return {act: percentiles(times) for act, times in took.items()}


def beats(goes_on: Callable[[], bool]) -> Iterator[tuple[float, str]]:
    due, number = time.monotonic(), 0
    while goes_on():
        time.sleep(max(0.0, due - time.monotonic()))
        yield due, ACTS[number % len(ACTS)]
        due, number = due + BEAT, number + 1


def percentiles(times: list[float]) -> tuple[float, float, float]:
    cuts = quantiles(times, n=100, method="inclusive")
    return median(times), cuts[94], cuts[98]


def while_idle(server: FilslussServer, source: Source, seconds: float) -> Times:
    end = time.monotonic() + seconds
    return live(server, source, lambda: time.monotonic() < end)


def while_held(one: UnderLoad, source: Source, seconds: float) -> Times:
    """For as long as slow clients reconnect; then waits until all of them are cut."""
    server = one.server
    places = [server.places(1)[0] for _ in range(20)]
    words = [server.port, server.host, one.half_open, one.trickling, seconds, *places]
    crowd = subprocess.Popen(
        [sys.executable, "-m", "bench.parts.slow_clients", *map(str, words)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert crowd.stdout
    crowd.stdout.readline()
    seen = while_idle(server, source, seconds)
    _, report = crowd.communicate()[0].splitlines()
    for kind, lasted in json.loads(report).items():
        one.lasted.setdefault(kind, []).extend(lasted)
    server.clean()
    return seen


def lines_of(one: UnderLoad) -> list[list[str]]:
    def column(rounds: list[Times], act: str, which: int) -> str:
        return table.spread([times[act][which] for times in rounds], ".1f")

    return [
        [
            f"{one.server.name}: {act}",
            *(column(one.idle, act, which) for which in range(3)),
            *(column(one.under, act, which) for which in range(3)),
            "p95 < 1000",
        ]
        for act in ACTS
    ]


def cuts_of(one: UnderLoad) -> list[list[str]]:
    return [
        [
            f"{one.server.name}: {kind}",
            str(len(lasted)),
            f"{median(lasted):.1f}",
            f"{max(lasted):.1f}",
            str(lasted.count(float("inf"))),
        ]
        for kind, lasted in one.lasted.items()
    ]


def rounds(measured: list[UnderLoad], source: Source, seconds: float, session: Session) -> None:
    for _ in range(min(session.rounds, 3)):
        for one in measured:
            one.idle.append(while_idle(one.server, source, seconds))
            one.under.append(while_held(one, source, seconds))


def beside_takers(session: Session) -> None:
    """Others beside slow takers, and beside connections that nobody closes."""
    many, few, closers = session.size(1000, 60), session.size(300, 30), session.size(150, 30)
    crowds = [
        Crowd(f"{many} takers at 1 KiB/s over ten links", "takers", many, 10),
        Crowd(f"{few} takers at 1 KiB/s over one link", "takers", few, 1),
        Crowd(f"{closers} connections a second that nobody closes", "closers", closers, 0),
    ]
    servers = [
        FilslussServer("direct", session.folder / "t"),
        BehindNginx("behind nginx", session.folder / "t", ACCEL=""),
        BehindNginx("nginx sends", session.folder / "t"),
    ]
    source, small = session.source(512 * MIB, 32 * MIB), session.source(16 * MIB, 16 * MIB)
    paths = {server.name: server.publish_many(source, 1)[0] for server in servers}
    links = {server.name: server.publish_many(small, 10) for server in servers}
    other = Nginx("nginx sendfile", session.folder)
    os.link(small.path, other.files / OF_NGINX[1:])
    measured = [Beside(server, other, crowd, links[server.name]) for server in servers for crowd in crowds]
    with kernel_settings.as_shipped():
        beside_slow.run_rounds(measured, source, paths, session)
    beside_slow.show(measured)


def main() -> None:
    session = measurement.start_session(__doc__)
    source, seconds = make_source(session.folder, 10 * 1024), session.size(40, 12)
    measured = [
        UnderLoad(FilslussServer("direct", session.folder), 300, 100),
        UnderLoad(BehindNginx("behind nginx", session.folder), 2000, 300),
    ]
    for one in measured:
        while_idle(one.server, source, 2)
    rounds(measured, source, seconds, session)
    session.describe()
    head = [
        "",
        *(f"{when} {which} ms" for when in ("idle", "held") for which in ("p50", "p95", "p99")),
        "must be",
    ]
    title = "; ".join(
        f"{one.half_open} half-open and {one.trickling} of each trickling kind {one.server.name}"
        for one in measured
    )
    table.show(title, head, [line for one in measured for line in lines_of(one)])
    head = ["", "connections", "cut after s (median)", "at the latest", "never"]
    table.show("When the slow ones were cut", head, [line for one in measured for line in cuts_of(one)])
    beside_takers(session)


if __name__ == "__main__":
    main()

"""One run of one server, weighed: memory made ready, bytes moved, time and cost read, every byte compared."""

import argparse
import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.parts import machine
from bench.parts.client import MIB, Line, Source, WrongAnswer, fetch, make_source
from bench.parts.servers import Server
from bench.parts.table import Contender, Run
from tests.parts.installation import folder

GIB = 1 << 30
FETCHES = 6


@dataclass(frozen=True)
class Ground:
    """Where a benchmark takes place: its folder, how large and how often (`--quick`: small, for a try)."""

    folder: Path
    quick: bool
    rounds: int

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    def source(self, full: int, quick: int) -> Source:
        return make_source(self.folder, self.size(full, quick))

    def ready(self) -> None:
        machine.ready(512 * MIB if self.quick else machine.total_memory())

    def say(self) -> None:
        label = "QUICK, sizes too small to mean anything; " if self.quick else ""
        nginx = machine.version_of("/usr/sbin/nginx", "-v").removeprefix("nginx version: ")
        print(f"{label}{self.rounds} rounds; {machine.describe()}; {nginx}")


def ground(title: str) -> Ground:
    """Reads the command line, and makes the machine ready."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything runs")
    parser.add_argument("--rounds", type=int, default=0, help="how often each takes part (5, quick 1)")
    asked = parser.parse_args()
    place = Ground(folder("bench"), asked.quick, asked.rounds or (1 if asked.quick else 5))
    if not asked.quick:
        machine.fill_page_cache(place.folder)
    return place


def weigh(server: Server, amount: float, per: float, work: Callable[[], None]) -> Run:
    """Does the work: `amount` a second, CPU seconds of the server for each `per` of it, its peak."""
    meter = server.meter
    meter.forget_peak()
    before, start = meter.cpu(), time.perf_counter()
    work()
    seconds, cpu = time.perf_counter() - start, meter.cpu() - before
    return Run(amount / seconds, cpu * per / amount, meter.peak())


def weigh_bytes(server: Server, moved: int, work: Callable[[], None]) -> Run:
    """MiB/s, CPU s/GiB."""
    return weigh(server, moved / MIB, GIB / MIB, work)


def upload(server: Server, source: Source, place: Ground) -> Run:
    """One file, from the first byte said to the last answer heard."""
    server.clean()
    (where,) = server.places(1)
    place.ready()
    with server.line() as line:
        run = weigh_bytes(server, source.size, lambda: server.take(line, where, source))
    server.check(source)
    server.clean()
    return run


def uploads(servers: dict[Server, str], source: Source, place: Ground) -> list[Contender]:
    """Each server with what ours must reach beside it."""

    def row(server: Server, target: str) -> Contender:
        return Contender(server.name, lambda: upload(server, source, place), target)

    return [row(server, target) for server, target in servers.items()]


def thrown_away(server: Server, source: Source, place: Ground) -> Run:
    """The client alone: nothing is kept, so nothing is compared."""
    place.ready()
    with server.line() as line:
        return weigh_bytes(server, source.size, lambda: server.take(line, server.places(1)[0], source))


def download(server: Server, path: str, first: int | None, length: int, wanted: str) -> Run:
    """Some GETs whose bytes are counted, weighed, and one more whose bytes are compared.

    One alone takes a third of a second; how two cores happen to wake each other makes that half or twice.
    """

    def work() -> None:
        for _ in range(FETCHES):
            if fetch(line, path, first, length) != length:
                raise WrongAnswer(f"{server.name} ended a download early")

    with server.line() as line:
        run = weigh_bytes(server, length * FETCHES, work)
    digest = hashlib.sha256()
    with server.line() as line:
        fetch(line, path, first, length, digest)
    if digest.hexdigest() != wanted:
        raise WrongAnswer(f"a download from {server.name} differs from what was uploaded")
    return run


def send_many(server: Server, source: Source, places: list[str], at_once: int) -> None:
    """Sends the file to each place, over so many connections at once."""
    waiting = list(places)

    def send(line: Line) -> None:
        while waiting:
            server.take(line, waiting.pop(), source)

    with ExitStack() as open_lines, ThreadPoolExecutor(at_once) as threads:
        lines = [open_lines.enter_context(server.line()) for _ in range(at_once)]
        list(threads.map(send, lines))

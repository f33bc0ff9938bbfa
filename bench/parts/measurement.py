"""One measured run of one server: prepares memory, moves bytes, reads time and cost, compares every byte."""

import argparse
import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.parts import machine
from bench.parts.client import MIB, Connection, Source, WrongAnswer, fetch, make_source
from bench.parts.servers import Server
from bench.parts.table import Candidate, Run
from tests.parts.installation import folder

GIB = 1 << 30
FETCHES = 6


@dataclass(frozen=True)
class Session:
    """The settings of a benchmark run: its folder, how large and how often (`--quick`: small, for a try)."""

    folder: Path
    quick: bool
    rounds: int

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    def source(self, full: int, quick: int) -> Source:
        return make_source(self.folder, self.size(full, quick))

    @property
    def memory(self) -> int:
        """How many bytes of memory are prepared, at most."""
        return 512 * MIB if self.quick else machine.total_memory()

    def ready(self) -> None:
        machine.ready(self.memory)

    def describe(self) -> None:
        label = "QUICK, sizes too small to mean anything; " if self.quick else ""
        nginx = machine.version_of("/usr/sbin/nginx", "-v").removeprefix("nginx version: ")
        print(f"{label}{self.rounds} rounds; {machine.describe()}; {nginx}")


def start_session(title: str, *, rounds: int = 5) -> Session:
    """Reads the command line, and prepares the machine. `rounds` unless that says how many."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything runs")
    parser.add_argument(
        "--rounds", type=int, default=0, help=f"how often each takes part ({rounds}, quick 1)"
    )
    asked = parser.parse_args()
    session = Session(folder("bench"), asked.quick, asked.rounds or (1 if asked.quick else rounds))
    if not asked.quick:
        machine.fill_page_cache(session.folder)
    return session


def measure(server: Server, amount: float, per: float, work: Callable[[], None]) -> Run:
    """Does the work: `amount` a second, CPU seconds of the server for each `per` of it, its peak."""
    usage = server.usage
    usage.forget_peak()
    before, start = usage.cpu(), time.perf_counter()
    work()
    seconds, cpu = time.perf_counter() - start, usage.cpu() - before
    return Run(amount / seconds, cpu * per / amount, usage.peak())


def measure_bytes(server: Server, moved: int, work: Callable[[], None]) -> Run:
    """MiB/s, CPU s/GiB."""
    return measure(server, moved / MIB, GIB / MIB, work)


def upload(server: Server, source: Source, session: Session) -> Run:
    """One file, from the first byte sent to the end of the last response."""
    server.clean()
    (where,) = server.places(1)
    session.ready()
    with server.connection() as connection:
        run = measure_bytes(server, source.size, lambda: server.take(connection, where, source))
    server.check(source)
    server.clean()
    return run


def uploads(servers: dict[Server, str], source: Source, session: Session) -> list[Candidate]:
    """Each server with what ours must reach beside it."""

    def row(server: Server, target: str) -> Candidate:
        return Candidate(server.name, lambda: upload(server, source, session), target)

    return [row(server, target) for server, target in servers.items()]


def client_alone(server: Server, source: Source, session: Session) -> Run:
    """The client alone: nothing is kept, so nothing is compared."""
    session.ready()
    with server.connection() as connection:
        return measure_bytes(
            server, source.size, lambda: server.take(connection, server.places(1)[0], source)
        )


def download(server: Server, path: str, first: int | None, length: int, wanted: str) -> Run:
    """Some GETs whose bytes are counted, measured, and one more whose bytes are compared.

    One alone takes a third of a second; how two cores happen to wake each other makes that half or twice.
    """

    def work() -> None:
        for _ in range(FETCHES):
            if fetch(connection, path, first, length) != length:
                raise WrongAnswer(f"{server.name} ended a download early")

    with server.connection() as connection:
        run = measure_bytes(server, length * FETCHES, work)
    digest = hashlib.sha256()
    with server.connection() as connection:
        fetch(connection, path, first, length, digest)
    if digest.hexdigest() != wanted:
        raise WrongAnswer(f"a download from {server.name} differs from what was uploaded")
    return run


def send_many(server: Server, source: Source, places: list[str], at_once: int) -> None:
    """Sends the file to each place, over so many connections at once."""
    waiting = list(places)

    def send(connection: Connection) -> None:
        while waiting:
            server.take(connection, waiting.pop(), source)

    with ExitStack() as open_connections, ThreadPoolExecutor(at_once) as threads:
        connections = [open_connections.enter_context(server.connection()) for _ in range(at_once)]
        list(threads.map(send, connections))

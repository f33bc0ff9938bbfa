"""What one upload costs a server beyond the least: every byte copied once, into new pages of a file."""

# Processor time for each GiB instead of MiB/s, and memory that stays with this machine meanwhile. What the
# least costs is measured in every round, by the kernel's own copy of the same file. Copying is what swings
# with memory and caches, by a factor of five, and who copies twice pays it twice. `perf` tells it apart from
# the new pages, the program, and the rest: the socket, the pipe, waking and waiting. These are steady.

import os
import resource
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.parts import machine, measurement, table
from bench.parts.client import MIB, Source
from bench.parts.filsluss_server import FilslussServer
from bench.parts.kernel_profile import Shares, profiled
from bench.parts.measurement import GIB, Session
from bench.parts.nginx import DAV, Nginx
from bench.parts.servers import Server

ROUNDS = 9


@dataclass(frozen=True)
class Cost:
    """CPU seconds for a GiB, minor faults, and the shares of what the time went to, if they are known."""

    seconds: float
    faults: float
    shares: Shares

    def of(self, kind: str) -> float:
        return self.shares.get(kind, 0.0) * self.seconds

    @property
    def steady(self) -> float:
        """All but copying."""
        return self.seconds - self.of("copying")


@dataclass
class Row:
    """What is measured once a round, and its costs so far."""

    name: str
    run: Callable[[], Cost]
    costs: list[Cost] = field(default_factory=list)

    def middle(self, kind: str) -> str:
        return f"{median(cost.of(kind) for cost in self.costs):.3f}" if self.costs[0].shares else ""

    def cells(self, least: "Row") -> list[str]:
        beyond = [one.seconds - two.seconds for one, two in zip(self.costs, least.costs, strict=True)]
        return [
            self.name,
            table.spread([cost.seconds for cost in self.costs], ".3f"),
            table.spread(beyond, ".3f") if self.costs[0].shares else "",
            *map(self.middle, ("copying", "pages", "program", "rest")),
            table.spread([cost.steady for cost in self.costs], ".3f") if self.costs[0].shares else "",
            f"{median(cost.faults for cost in self.costs):.0f}",
        ]


def copied(source: Source, target: Path) -> Cost:
    """The kernel copies the file (sendfile): into new pages if `target` is not there, else into its own."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    with source.path.open("rb") as origin, target.open("r+b" if target.exists() else "wb") as file:
        sent = 0
        while sent < source.size:
            sent += os.sendfile(file.fileno(), origin.fileno(), sent, source.size - sent)
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(seconds * GIB / source.size, (after.ru_minflt - before.ru_minflt) * GIB / source.size, {})


def taken(server: Server, source: Source) -> Cost:
    """One file in one request, and every byte of it compared."""
    (where,) = server.places(1)
    usage, per = server.usage, GIB / source.size
    with profiled(usage.pids, server.folder) as shares, server.connection() as connection:
        before, faults = usage.cpu(), usage.faults()
        server.take(connection, where, source)
        seconds, faults = usage.cpu() - before, usage.faults() - faults
    server.check(source)
    server.clean()
    return Cost(seconds * per, faults * per, shares)


def rows_of(session: Session, source: Source) -> list[Row]:
    """Ours first, then the others, then the least, and copying alone, into the file that the least made."""
    target = session.folder / "copy"

    def into_new_pages() -> Cost:
        target.unlink(missing_ok=True)
        os.sync()
        return copied(source, target)

    def into_its_own() -> Cost:
        if not target.exists():
            into_new_pages()
        return copied(source, target)

    servers = [
        FilslussServer("filsluss, no fsync", session.folder, syncs=False),
        Nginx("nginx DAV tuned", session.folder),
        Nginx("nginx DAV, 16k buffer", session.folder, DAV.replace("client_body_buffer_size 1m;", "")),
    ]
    return [
        *(Row(server.name, lambda server=server: taken(server, source)) for server in servers),  # type: ignore[misc]
        Row("the least: copied once, into new pages", into_new_pages),
        Row("copied once, into pages that are there", into_its_own),
    ]


def run_rounds(rows: list[Row], rounds: int) -> None:
    """Each once a round, in alternating order, after one that is not counted."""
    for number in range(-1, rounds):
        for row in rows if number % 2 else reversed(rows):
            os.sync()
            cost = row.run()
            if number >= 0:
                row.costs.append(cost)


def main() -> None:
    session = measurement.start_session(__doc__, rounds=ROUNDS)
    source = session.source(2 * GIB, 128 * MIB)
    rows = rows_of(session, source)
    with machine.kept_resident(session.memory):
        run_rounds(rows, session.rounds)
    session.describe()
    head = ["", "CPU s/GiB", "beyond the least", "copying", "new pages", "program", "the rest"]
    table.show(
        f"Upload of {source.size // MIB} MiB, no fsync in any, memory resident",
        [*head, "all but copying", "minor faults"],
        [row.cells(rows[-2]) for row in rows],
    )


if __name__ == "__main__":
    main()

"""A hundred uploads at once, no fsync unless said, in one request each or in two: beside nginx DAV."""

from bench.parts import measurement, table
from bench.parts.client import MIB, Source, create_with, put, send_tus
from bench.parts.filsluss_server import FilslussServer
from bench.parts.measurement import Session
from bench.parts.nginx import Nginx
from bench.parts.servers import Send, Server
from bench.parts.table import Candidate, Run


def together(server: Server, source: Source, count: int, session: Session) -> Run:
    """All begin at once; it is over when the last is acknowledged."""
    server.clean()
    places = server.places(count)
    session.ready()

    def work() -> None:
        measurement.send_many(server, source, places, count)

    run = measurement.measure_bytes(server, source.size * count, work)
    server.check(source, count)
    server.clean()
    return run


def main() -> None:
    session = measurement.start_session(__doc__)
    source, count = session.source(20 * MIB, 4 * MIB), session.size(100, 20)
    ours = FilslussServer("filsluss", session.folder, syncs=False)

    def row(server: Server, send: Send, how: str = "", target: str = "") -> Candidate:
        def run() -> Run:
            server.send = send
            return together(server, source, count, session)

        return Candidate(server.name + how, run, target)

    whole = row(ours, create_with, ", POST with the bytes")
    apart = row(ours, send_tus, ", POST and PATCH")
    pair = row(
        FilslussServer("filsluss, 2 web processes", session.folder, syncs=False, WEB_PROCESSES="2"),
        create_with,
    )
    on_disk = row(FilslussServer("filsluss, on disk", session.folder), create_with)
    peers = [
        row(Nginx("nginx DAV tuned", session.folder), put, target="≥ 1.2"),
        row(Nginx("nginx DAV tuned, 2 workers", session.folder, workers=2), put),
    ]
    table.run_rounds([whole, apart, *peers, pair, on_disk], session.rounds)
    session.describe()
    title = f"{count} uploads of {source.size // MIB} MiB at once"
    table.show_comparison(title, "MiB/s", [whole, *peers, on_disk])
    table.show_comparison(f"{title}, two web processes", "MiB/s", [pair, *peers])
    table.show_comparison(f"{title}, in two requests each", "MiB/s", [apart, *peers])


if __name__ == "__main__":
    main()

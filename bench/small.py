"""A thousand small files, on disk when acknowledged: beside @tus/server, which does not sync, and a floor."""

from bench.parts import measurement, table
from bench.parts.client import Source, create_with, make_source, send_tus
from bench.parts.filsluss_server import FilslussServer
from bench.parts.servers import Send, Server, floor, tus_node
from bench.parts.table import Candidate, Run

AT_ONCE = 8


def one_by_one(server: Server, source: Source, count: int, at_once: int) -> Run:
    server.clean()
    places = server.places(count)

    def work() -> None:
        measurement.send_many(server, source, places, at_once)

    run = measurement.measure(server, count, 1000, work)
    server.check(source, count)
    server.clean()
    return run


def main() -> None:
    session = measurement.start_session(__doc__)
    source, count = make_source(session.folder, 10 * 1024), session.size(1000, 200)
    ours, node = FilslussServer("filsluss", session.folder), tus_node(session.folder)
    least = floor(session.folder, 2 * AT_ONCE)

    def row(server: Server, at_once: int, how: str, send: Send = send_tus, target: str = "") -> Candidate:
        name = f"{server.name}, {how}, {at_once} at once"

        def run() -> Run:
            server.send = send
            return one_by_one(server, source, count, at_once)

        return Candidate(name, run, target)

    candidates = [
        row(ours, AT_ONCE, "POST with the bytes", create_with, "≥ 800 files/s, ≤ 1.6 CPU s"),
        row(least, AT_ONCE, "POST with the bytes", create_with),
        row(node, AT_ONCE, "POST with the bytes", create_with),
        row(ours, AT_ONCE, "POST and PATCH", target="≥ 500 files/s"),
        row(node, AT_ONCE, "POST and PATCH"),
        row(ours, 1, "POST with the bytes", create_with),
        row(least, 1, "POST with the bytes", create_with),
        row(ours, 1, "POST and PATCH"),
        row(node, 1, "POST and PATCH"),
    ]
    table.run_rounds(candidates, session.rounds)
    session.describe()
    table.show_comparison(f"{count} files of 10 KiB", "files/s", candidates, "CPU s/1000 files")


if __name__ == "__main__":
    main()

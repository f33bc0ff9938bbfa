"""A hundred uploads at once, no fsync unless said, in one request each or in two: beside nginx DAV."""

from bench.parts import contest, table
from bench.parts.client import MIB, Source, create_with, put, send_tus
from bench.parts.contest import Ground
from bench.parts.nginx import Nginx
from bench.parts.ours import Ours
from bench.parts.servers import Send, Server
from bench.parts.table import Contender, Run


def together(server: Server, source: Source, count: int, place: Ground) -> Run:
    """All begin at once; it is over when the last is acknowledged."""
    server.clean()
    places = server.places(count)
    place.ready()

    def work() -> None:
        contest.send_many(server, source, places, count)

    run = contest.weigh_bytes(server, source.size * count, work)
    server.check(source, count)
    server.clean()
    return run


def main() -> None:
    place = contest.ground(__doc__)
    source, count = place.source(20 * MIB, 4 * MIB), place.size(100, 20)
    ours = Ours("filsluss", place.folder, syncs=False)

    def row(server: Server, send: Send, how: str = "", target: str = "") -> Contender:
        def run() -> Run:
            server.send = send
            return together(server, source, count, place)

        return Contender(server.name + how, run, target)

    whole = row(ours, create_with, ", POST with the bytes")
    apart = row(ours, send_tus, ", POST and PATCH")
    pair = row(Ours("filsluss, 2 web processes", place.folder, syncs=False, WEB_PROCESSES="2"), create_with)
    on_disk = row(Ours("filsluss, on disk", place.folder), create_with)
    peers = [
        row(Nginx("nginx DAV tuned", place.folder), put, target="≥ 1.2"),
        row(Nginx("nginx DAV tuned, 2 workers", place.folder, workers=2), put),
    ]
    table.compete([whole, apart, *peers, pair, on_disk], place.rounds)
    place.say()
    title = f"{count} uploads of {source.size // MIB} MiB at once"
    table.show_contest(title, "MiB/s", [whole, *peers, on_disk])
    table.show_contest(f"{title}, two web processes", "MiB/s", [pair, *peers])
    table.show_contest(f"{title}, in two requests each", "MiB/s", [apart, *peers])


if __name__ == "__main__":
    main()

"""A hundred uploads at once, no fsync unless said: beside nginx DAV."""

from bench.parts import contest, table
from bench.parts.client import MIB, Source
from bench.parts.contest import Ground
from bench.parts.nginx import Nginx
from bench.parts.ours import Ours
from bench.parts.servers import Server
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
    servers = {
        Ours("filsluss, no fsync", place.folder, syncs=False): "",
        Nginx("nginx DAV tuned", place.folder): "≥ 1.2",
        Nginx("nginx DAV tuned, 2 workers", place.folder, workers=2): "",
        Ours("filsluss, on disk", place.folder): "",
    }

    def row(server: Server, target: str) -> Contender:
        return Contender(server.name, lambda: together(server, source, count, place), target)

    contenders = [row(server, target) for server, target in servers.items()]
    table.compete(contenders, place.rounds)
    place.say()
    table.show_contest(f"{count} uploads of {source.size // MIB} MiB at once", "MiB/s", contenders)


if __name__ == "__main__":
    main()

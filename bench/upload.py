"""One file in one PATCH (or PUT), no fsync anywhere: beside nginx DAV and the upload servers of others."""

from bench.parts import contest, table
from bench.parts.client import MIB
from bench.parts.contest import GIB
from bench.parts.nginx import DAV, Nginx
from bench.parts.ours import Ours
from bench.parts.servers import copyparty, sink, tus_node, tuspy
from bench.parts.table import Contender


def main() -> None:
    place = contest.ground(__doc__)
    source = place.source(2 * GIB, 128 * MIB)
    alone = sink(place.folder, source.path)
    servers = {
        Ours("filsluss, no fsync", place.folder, syncs=False): "",
        Nginx("nginx DAV tuned", place.folder): "≥ 1.0, less CPU",
        Nginx("nginx DAV, 16k buffer", place.folder, DAV.replace("client_body_buffer_size 1m;", "")): "",
        tus_node(place.folder): "≥ 3.5",
        copyparty(place.folder): "≥ 4",
        tuspy(place.folder): "≥ 2",
    }
    contenders = [
        *contest.uploads(servers, source, place),
        Contender(alone.name, lambda: contest.thrown_away(alone, source, place)),
    ]
    table.compete(contenders, place.rounds)
    place.say()
    table.show_contest(f"Upload of {source.size // MIB} MiB, no fsync in any", "MiB/s", contenders)


if __name__ == "__main__":
    main()

"""One file in one PATCH through our proxy, request buffering off: beside nginx DAV, no fsync in either."""

from bench.parts import contest, table
from bench.parts.client import MIB
from bench.parts.contest import GIB
from bench.parts.front import Fronted
from bench.parts.nginx import Nginx
from bench.parts.ours import Ours


def main() -> None:
    place = contest.ground(__doc__)
    source = place.source(2 * GIB, 128 * MIB)
    servers = {
        Fronted("filsluss behind nginx, no fsync", place.folder, syncs=False): "",
        Nginx("nginx DAV tuned", place.folder): "≥ 0.75",
        Ours("filsluss direct, no fsync", place.folder, syncs=False): "",
    }
    contenders = contest.uploads(servers, source, place)
    table.compete(contenders, place.rounds)
    place.say()
    table.show_contest(f"Upload of {source.size // MIB} MiB through the proxy", "MiB/s", contenders)


if __name__ == "__main__":
    main()

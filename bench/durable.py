"""One file in one PATCH that is on disk when it is acknowledged: beside nginx with an fsync after it."""

from bench.parts import contest, table
from bench.parts.client import MIB
from bench.parts.contest import GIB
from bench.parts.nginx import SyncingNginx
from bench.parts.ours import Ours


def main() -> None:
    place = contest.ground(__doc__)
    source = place.source(2 * GIB, 128 * MIB)
    servers = {
        Ours("filsluss", place.folder): "",
        SyncingNginx("nginx DAV tuned, then fsync", place.folder): "≥ 0.75",
    }
    contenders = contest.uploads(servers, source, place)
    table.compete(contenders, place.rounds)
    place.say()
    table.show_contest(f"Upload of {source.size // MIB} MiB, on disk", "MiB/s", contenders)


if __name__ == "__main__":
    main()

"""One file in one PATCH through our proxy, request buffering off: beside nginx DAV, no fsync in either."""

from bench.parts import measurement, table
from bench.parts.behind_nginx import BehindNginx
from bench.parts.client import MIB
from bench.parts.filsluss_server import FilslussServer
from bench.parts.measurement import GIB
from bench.parts.nginx import Nginx


def main() -> None:
    session = measurement.start_session(__doc__)
    source = session.source(2 * GIB, 128 * MIB)
    servers = {
        BehindNginx("filsluss behind nginx, no fsync", session.folder, syncs=False): "",
        Nginx("nginx DAV tuned", session.folder): "≥ 0.75",
        FilslussServer("filsluss direct, no fsync", session.folder, syncs=False): "",
    }
    candidates = measurement.uploads(servers, source, session)
    table.run_rounds(candidates, session.rounds)
    session.describe()
    table.show_comparison(f"Upload of {source.size // MIB} MiB through the proxy", "MiB/s", candidates)


if __name__ == "__main__":
    main()

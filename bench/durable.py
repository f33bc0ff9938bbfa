"""One file in one PATCH that is on disk when it is acknowledged: beside nginx with an fsync after it."""

from bench.parts import measurement, table
from bench.parts.client import MIB
from bench.parts.filsluss_server import FilslussServer
from bench.parts.measurement import GIB
from bench.parts.nginx import SyncingNginx


def main() -> None:
    session = measurement.start_session(__doc__)
    source = session.source(2 * GIB, 128 * MIB)
    servers = {
        FilslussServer("filsluss", session.folder): "",
        SyncingNginx("nginx DAV tuned, then fsync", session.folder): "≥ 0.75",
    }
    candidates = measurement.uploads(servers, source, session)
    table.run_rounds(candidates, session.rounds)
    session.describe()
    table.show_comparison(f"Upload of {source.size // MIB} MiB, on disk", "MiB/s", candidates)


if __name__ == "__main__":
    main()

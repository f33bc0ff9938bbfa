"""One file in one PATCH (or PUT), no fsync anywhere: beside nginx DAV and the upload servers of others."""

from bench.parts import measurement, table
from bench.parts.client import MIB
from bench.parts.filsluss_server import FilslussServer
from bench.parts.measurement import GIB
from bench.parts.nginx import DAV, Nginx
from bench.parts.servers import copyparty, discard_server, tus_node, tuspy
from bench.parts.table import Candidate


def main() -> None:
    session = measurement.start_session(__doc__)
    source = session.source(2 * GIB, 128 * MIB)
    alone = discard_server(session.folder, source.path)
    servers = {
        FilslussServer("filsluss, no fsync", session.folder, syncs=False): "",
        Nginx("nginx DAV tuned", session.folder): "≥ 1.0, less CPU",
        Nginx("nginx DAV, 16k buffer", session.folder, DAV.replace("client_body_buffer_size 1m;", "")): "",
        tus_node(session.folder): "≥ 3.5",
        copyparty(session.folder): "≥ 4",
        tuspy(session.folder): "≥ 2",
    }
    candidates = [
        *measurement.uploads(servers, source, session),
        Candidate(alone.name, lambda: measurement.client_alone(alone, source, session)),
    ]
    table.run_rounds(candidates, session.rounds)
    session.describe()
    table.show_comparison(f"Upload of {source.size // MIB} MiB, no fsync in any", "MiB/s", candidates)


if __name__ == "__main__":
    main()

"""One file and a range of it, direct and by X-Accel-Redirect: beside nginx sendfile."""

import hashlib
import mmap
import os

from bench.parts import measurement, table
from bench.parts.behind_nginx import BehindNginx
from bench.parts.client import MIB, Source
from bench.parts.filsluss_server import FilslussServer
from bench.parts.measurement import GIB, Session
from bench.parts.nginx import Nginx
from bench.parts.servers import Server, discard_server
from bench.parts.table import Candidate


def sum_of(source: Source, first: int, length: int) -> str:
    with source.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        return hashlib.sha256(memoryview(whole)[first : first + length]).hexdigest()


def nginx(session: Session, source: Source) -> tuple[Server, str]:
    server = Nginx("nginx sendfile", session.folder)
    os.link(source.path, server.files / "fil-0.bin")
    return server, "/fil-0.bin"


def publish(server: FilslussServer, source: Source) -> tuple[FilslussServer, str, str]:
    """Uploads the file, and then lets the store hold the very file that nginx has.

    Whether the page cache holds a file in small or in large folios does not depend on the server, and the
    kernel sends large ones twice as fast.
    """
    path = server.publish(source)
    (blob,) = server.stored(source.size)
    blob.unlink()
    os.link(source.path, blob)
    return server, path, ""


def part(
    servers: list[tuple[Server, str, str]], source: Source, length: int, first: int | None
) -> list[Candidate]:
    """One row for each server: `length` bytes of the file, from byte `first` on."""
    wanted = sum_of(source, first or 0, length)

    def row(server: Server, path: str, target: str) -> Candidate:
        return Candidate(
            server.name, lambda: measurement.download(server, path, first, length, wanted), target
        )

    return [row(*server) for server in servers]


def main() -> None:
    session = measurement.start_session(__doc__)
    source = session.source(2 * GIB, 128 * MIB)
    direct, behind_proxy = (
        FilslussServer("filsluss direct", session.folder),
        BehindNginx("filsluss by X-Accel", session.folder),
    )
    by_direct, by_proxy = publish(direct, source), publish(behind_proxy, source)
    baseline, alone = nginx(session, source), (discard_server(session.folder, source.path), "/fil-0.bin")
    session.describe()
    for what, length, first in (
        ("The whole file", source.size, None),
        ("A range", source.size // 2, source.size // 4),
    ):
        for ours, target in ((by_direct, "≥ 0.9"), (by_proxy, "≥ 1.0")):
            servers = [ours, (*baseline, target)]
            if first is None:
                servers.append((*alone, ""))
            candidates = part(servers, source, length, first)
            table.run_rounds(candidates, session.rounds)
            table.show_comparison(f"{what}: {length // MIB} MiB, {ours[0].name}", "MiB/s", candidates)


if __name__ == "__main__":
    main()

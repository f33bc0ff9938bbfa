"""One file and a range of it, direct and by X-Accel-Redirect: beside nginx sendfile."""

import hashlib
import mmap
import os

from bench.parts import contest, table
from bench.parts.client import MIB, Source
from bench.parts.contest import GIB, Ground
from bench.parts.front import Fronted
from bench.parts.nginx import Nginx
from bench.parts.ours import Ours
from bench.parts.servers import Server, sink
from bench.parts.table import Contender


def sum_of(source: Source, first: int, length: int) -> str:
    with source.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        return hashlib.sha256(memoryview(whole)[first : first + length]).hexdigest()


def nginx(place: Ground, source: Source) -> tuple[Server, str]:
    server = Nginx("nginx sendfile", place.folder)
    os.link(source.path, server.files / "fil-0.bin")
    return server, "/fil-0.bin"


def lay(server: Ours, source: Source) -> tuple[Ours, str, str]:
    """Uploads the file, and then lets the store hold the very file that nginx has.

    How a file lies in the page cache, in small pieces or large, is no server's doing an hour later, and the
    kernel sends large ones twice as fast.
    """
    path = server.lay(source)
    (blob,) = server.stored(source.size)
    blob.unlink()
    os.link(source.path, blob)
    return server, path, ""


def part(
    servers: list[tuple[Server, str, str]], source: Source, length: int, first: int | None
) -> list[Contender]:
    """One row for each server: `length` bytes of the file, from byte `first` on."""
    wanted = sum_of(source, first or 0, length)

    def row(server: Server, path: str, target: str) -> Contender:
        return Contender(server.name, lambda: contest.download(server, path, first, length, wanted), target)

    return [row(*server) for server in servers]


def main() -> None:
    place = contest.ground(__doc__)
    source = place.source(2 * GIB, 128 * MIB)
    direct, fronted = Ours("filsluss direct", place.folder), Fronted("filsluss by X-Accel", place.folder)
    by_direct, by_proxy = lay(direct, source), lay(fronted, source)
    baseline, alone = nginx(place, source), (sink(place.folder, source.path), "/fil-0.bin")
    place.say()
    for what, length, first in (
        ("The whole file", source.size, None),
        ("A range", source.size // 2, source.size // 4),
    ):
        for ours, target in ((by_direct, "≥ 0.9"), (by_proxy, "≥ 1.0")):
            servers = [ours, (*baseline, target)]
            if first is None:
                servers.append((*alone, ""))
            contenders = part(servers, source, length, first)
            table.compete(contenders, place.rounds)
            table.show_contest(f"{what}: {length // MIB} MiB, {ours[0].name}", "MiB/s", contenders)


if __name__ == "__main__":
    main()

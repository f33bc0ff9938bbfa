"""What the service holds in memory: at rest, for each open transfer, and while one large file passes."""

import time
from contextlib import ExitStack

from bench.parts import measurement, table
from bench.parts.client import BODY, MIB, Connection, Source, create, fetch
from bench.parts.filsluss_server import FilslussServer
from bench.parts.measurement import GIB, Session

PIECE = bytes(256 * 1024)


def steady_memory(server: FilslussServer) -> float:
    """The resident MiB of master and worker process, once it no longer changes."""
    time.sleep(1)
    return server.usage.resident()


def at_rest(server: FilslussServer) -> list[list[str]]:
    """After a page and an upload have been asked for: everything is loaded."""
    server.service.get("/")
    server.account()
    resident, share = steady_memory(server), server.usage.share()
    name = "master and one worker process, Django loaded"
    return [
        [f"{name}: sum of RSS", f"{resident:.1f}", "≤ 120"],
        [f"{name}: sum of PSS", f"{share:.1f}", ""],
    ]


def open_upload(server: FilslussServer, place: str) -> Connection:
    """An upload that has begun and waits for its next byte."""
    connection = server.connection()
    where = create(connection, place, 2 * len(PIECE))
    size = str(2 * len(PIECE))
    connection.send_head("PATCH", where, {**BODY, "Upload-Offset": "0", "Content-Length": size}, PIECE)
    return connection


def open_download(server: FilslussServer, path: str) -> Connection:
    """A download whose client has stopped reading."""
    connection = server.connection()
    connection.send_head("GET", path, {})
    connection.sock.recv(1)
    return connection


def each_open(server: FilslussServer, count: int, paths: list[str]) -> list[list[str]]:
    before = steady_memory(server)
    with ExitStack() as stack:
        place = server.places(1)[0]
        for _ in range(count):
            stack.enter_context(open_upload(server, place))
        uploading = steady_memory(server)
        for number in range(count // 2):
            stack.enter_context(open_download(server, paths[number % len(paths)]))
        both = steady_memory(server)
    return [
        [f"each of {count} open uploads", f"{(uploading - before) / count:.3f}", "≤ 0.3"],
        [
            f"each of {count // 2} open downloads beside them",
            f"{(both - uploading) * 2 / count:.3f}",
            "≤ 0.3",
        ],
    ]


def passing(server: FilslussServer, source: Source, session: Session) -> list[list[str]]:
    """Uploads and downloads one large file."""
    at_start = steady_memory(server)
    server.usage.forget_peak()
    path = server.publish(source)
    up = server.usage.peak() - at_start
    server.check(source)
    before_down = steady_memory(server)
    server.usage.forget_peak()
    with server.connection() as connection:
        assert fetch(connection, path) == source.size
    down = server.usage.peak() - before_down
    size = f"{source.size // MIB} MiB"
    return [
        [f"during one upload of {size}: peak above rest", f"{up:.1f}", "≤ 10"],
        ["left after it", f"{before_down - at_start:.1f}", "< 20"],
        [f"during one download of {size}: peak above rest", f"{down:.1f}", "≤ 10"],
        ["left after both", f"{steady_memory(server) - at_start:.1f}", "< 20"],
    ]


def main() -> None:
    session = measurement.start_session(__doc__)
    source = session.source(2 * GIB, 128 * MIB)
    server = FilslussServer("filsluss", session.folder)
    lines = at_rest(server)
    lines += passing(server, source, session)
    # One network may have eight downloads of a link at once.
    paths = server.publish_many(session.source(16 * MIB, 16 * MIB), 13)
    lines += each_open(server, session.size(200, 50), paths)
    session.describe()
    table.show("Memory", ["", "MiB", "must be"], lines)


if __name__ == "__main__":
    main()

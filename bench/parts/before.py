"""This program beside an earlier checkout of it, in the same rounds: `python -m bench.parts.before TREE`."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import many, small
from bench.download import publish, sum_of
from bench.parts import measurement, table
from bench.parts.client import MIB, create_with, make_source, send_tus
from bench.parts.filsluss_server import FilslussServer
from bench.parts.measurement import GIB, Session
from bench.parts.servers import Send
from bench.parts.table import Candidate, Run

Work = Callable[[FilslussServer], Run]


@dataclass(frozen=True)
class Pair:
    """The same settings twice: the program of this checkout, and of the earlier one."""

    now: FilslussServer
    before: FilslussServer

    @classmethod
    def started(cls, session: Session, tree: Path, name: str, *, syncs: bool = True) -> "Pair":
        return cls(
            FilslussServer(f"{name} now", session.folder, syncs=syncs),
            FilslussServer(f"{name} before", session.folder, syncs=syncs, tree=tree),
        )

    def compare(self, title: str, unit: str, work: Work, session: Session, cost: str = "CPU s/GiB") -> None:
        candidates = [
            Candidate("now", lambda: work(self.now)),
            Candidate("before", lambda: work(self.before), "≥ 0.95"),
        ]
        table.run_rounds(candidates, session.rounds)
        table.show_comparison(title, unit, candidates, cost)


def one_large(session: Session, tree: Path) -> None:
    source = session.source(2 * GIB, 128 * MIB)
    for syncs in (False, True):
        pair = Pair.started(session, tree, f"upload {syncs}", syncs=syncs)
        title = f"Upload of {source.size // MIB} MiB, {'on disk' if syncs else 'no fsync'}"
        pair.compare(title, "MiB/s", lambda server: measurement.upload(server, source, session), session)


def downloads(session: Session, tree: Path) -> None:
    source = session.source(2 * GIB, 128 * MIB)
    pair = Pair.started(session, tree, "download")
    paths = {server: publish(server, source)[1] for server in (pair.now, pair.before)}
    for what, length, first in (
        ("The whole", source.size, None),
        ("A half", source.size // 2, source.size // 4),
    ):
        wanted = sum_of(source, first or 0, length)

        def fetched(server: FilslussServer, length: int = length, first: int | None = first) -> Run:
            return measurement.download(server, paths[server], first, length, wanted)  # noqa: B023 -- run at once

        pair.compare(f"{what} of {source.size // MIB} MiB, direct", "MiB/s", fetched, session)


def sent_by(send: Send, work: Work) -> Work:
    def run(server: FilslussServer) -> Run:
        server.send = send
        return work(server)

    return run


def many_at_once(session: Session, tree: Path) -> None:
    source, count = session.source(20 * MIB, 4 * MIB), session.size(100, 20)
    pair = Pair.started(session, tree, "many", syncs=False)
    for how, send in (("the bytes in the POST", create_with), ("POST and PATCH", send_tus)):
        work = sent_by(send, lambda server: many.together(server, source, count, session))
        pair.compare(f"{count} uploads of {source.size // MIB} MiB at once, {how}", "MiB/s", work, session)


def small_files(session: Session, tree: Path) -> None:
    source, count = make_source(session.folder, 10 * 1024), session.size(1000, 200)
    pair = Pair.started(session, tree, "small")
    for how, send in (("the bytes in the POST", create_with), ("POST and PATCH", send_tus)):
        for at_once in (small.AT_ONCE, 1):
            work = sent_by(send, lambda server: small.one_by_one(server, source, count, at_once))  # noqa: B023
            title = f"{count} files of 10 KiB on disk, {how}, {at_once} at once"
            pair.compare(title, "files/s", work, session, "CPU s/1000 files")


def main() -> None:
    tree = Path(sys.argv.pop(1)).resolve()
    session = measurement.start_session(__doc__)
    for part in (one_large, downloads, many_at_once, small_files):
        part(session, tree)
    session.describe()


if __name__ == "__main__":
    main()

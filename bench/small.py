"""A thousand small files through tus, on disk when acknowledged: beside @tus/server, which does not sync."""

from bench.parts import contest, table
from bench.parts.client import Source, create_with, make_source, send_tus
from bench.parts.ours import Ours
from bench.parts.servers import Send, Server, tus_node
from bench.parts.table import Contender, Run

AT_ONCE = 8


def one_by_one(server: Server, source: Source, count: int, at_once: int) -> Run:
    server.clean()
    places = server.places(count)

    def work() -> None:
        contest.send_many(server, source, places, at_once)

    run = contest.weigh(server, count, 1000, work)
    server.check(source, count)
    server.clean()
    return run


def main() -> None:
    place = contest.ground(__doc__)
    source, count = make_source(place.folder, 10 * 1024), place.size(1000, 200)
    ours, node = Ours("filsluss", place.folder), tus_node(place.folder)

    def row(server: Server, at_once: int, how: str, send: Send = send_tus, target: str = "") -> Contender:
        name = f"{server.name}, {how}, {at_once} at once"

        def run() -> Run:
            server.send = send
            return one_by_one(server, source, count, at_once)

        return Contender(name, run, target)

    contenders = [
        row(ours, AT_ONCE, "POST and PATCH", target="≥ 200 files/s"),
        row(node, AT_ONCE, "POST and PATCH"),
        row(ours, 1, "POST and PATCH"),
        row(node, 1, "POST and PATCH"),
        row(ours, AT_ONCE, "POST with the bytes", create_with),
        row(node, AT_ONCE, "POST with the bytes", create_with),
    ]
    table.compete(contenders, place.rounds)
    place.say()
    table.show_contest(f"{count} files of 10 KiB", "files/s", contenders, "CPU s/1000 files")


if __name__ == "__main__":
    main()

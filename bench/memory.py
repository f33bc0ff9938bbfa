"""What the service holds in memory: at rest, for each open transfer, and while one large file passes."""

import time
from contextlib import ExitStack

from bench.parts import contest, table
from bench.parts.client import BODY, MIB, Line, Source, create, fetch
from bench.parts.contest import GIB, Ground
from bench.parts.ours import Ours

PIECE = bytes(256 * 1024)


def settle(house: Ours) -> float:
    """The resident MiB of master and worker process, once it has stopped moving."""
    time.sleep(1)
    return house.meter.resident()


def at_rest(house: Ours) -> list[list[str]]:
    """After a page and an upload have been asked for: everything is loaded."""
    house.house.get("/")
    house.account()
    resident, share = settle(house), house.meter.share()
    name = "master and one worker process, Django loaded"
    return [
        [f"{name}: sum of RSS", f"{resident:.1f}", "≤ 120"],
        [f"{name}: sum of PSS", f"{share:.1f}", ""],
    ]


def open_upload(house: Ours, place: str) -> Line:
    """An upload that has begun and waits for its next byte."""
    line = house.line()
    where = create(line, place, 2 * len(PIECE))
    size = str(2 * len(PIECE))
    line.say("PATCH", where, {**BODY, "Upload-Offset": "0", "Content-Length": size}, PIECE)
    return line


def open_download(house: Ours, path: str) -> Line:
    """A download whose reader has stopped."""
    line = house.line()
    line.say("GET", path, {})
    line.sock.recv(1)
    return line


def each_open(house: Ours, count: int, path: str) -> list[list[str]]:
    before = settle(house)
    with ExitStack() as lines:
        place = house.places(1)[0]
        for _ in range(count):
            lines.enter_context(open_upload(house, place))
        uploading = settle(house)
        for _ in range(count // 2):
            lines.enter_context(open_download(house, path))
        both = settle(house)
    return [
        [f"each of {count} open uploads", f"{(uploading - before) / count:.3f}", "≤ 0.3"],
        [
            f"each of {count // 2} open downloads beside them",
            f"{(both - uploading) * 2 / count:.3f}",
            "≤ 0.3",
        ],
    ]


def passing(house: Ours, source: Source, place: Ground) -> tuple[str, list[list[str]]]:
    """One large file in, and out again; answers the path of its bytes."""
    at_start = settle(house)
    house.meter.forget_peak()
    path = house.lay(source)
    up = house.meter.peak() - at_start
    house.check(source)
    before_down = settle(house)
    house.meter.forget_peak()
    with house.line() as line:
        assert fetch(line, path) == source.size
    down = house.meter.peak() - before_down
    size = f"{source.size // MIB} MiB"
    return path, [
        [f"during one upload of {size}: peak above rest", f"{up:.1f}", "≤ 10"],
        ["left after it", f"{before_down - at_start:.1f}", "< 20"],
        [f"during one download of {size}: peak above rest", f"{down:.1f}", "≤ 10"],
        ["left after both", f"{settle(house) - at_start:.1f}", "< 20"],
    ]


def main() -> None:
    place = contest.ground(__doc__)
    source = place.source(2 * GIB, 128 * MIB)
    house = Ours("filsluss", place.folder)
    lines = at_rest(house)
    path, moved = passing(house, source, place)
    lines += moved
    lines += each_open(house, place.size(200, 50), path)
    place.say()
    table.show("Memory", ["", "MiB", "must be"], lines)


if __name__ == "__main__":
    main()

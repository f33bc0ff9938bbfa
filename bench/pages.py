"""The application page while two hundred slow uploads come in, beside itself when nothing does."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median, quantiles

from bench.parts import contest, table
from bench.parts.client import Source
from bench.parts.contest import Ground
from bench.parts.front import Fronted
from bench.parts.ours import Ours

RATE = 200_000  # bytes a second, each
PAUSE = 0.01


@dataclass
class Watched:
    """One house, and the milliseconds its page took in each round: (p50, p99) idle and crowded."""

    house: Ours
    idle: list[tuple[float, float]] = field(default_factory=list)
    crowded: list[tuple[float, float]] = field(default_factory=list)


def look(house: Ours) -> float:
    """Milliseconds from connecting to the last byte of the application page."""
    start = time.perf_counter()
    with house.line() as line:
        line.say("GET", "/", {})
        line.hear("GET", 200)
    return (time.perf_counter() - start) * 1000


def watch(house: Ours, goes_on: Callable[[], bool]) -> tuple[float, float]:
    """The median and the 99th percentile for as long as it goes on."""
    times = []
    while goes_on():
        times.append(look(house))
        time.sleep(PAUSE)
    return median(times), quantiles(times, n=100)[98]


def while_idle(house: Ours, seconds: float) -> tuple[float, float]:
    end = time.monotonic() + seconds
    return watch(house, lambda: time.monotonic() < end)


def while_crowded(house: Ours, source: Source, count: int) -> tuple[float, float]:
    """Every upload of the crowd must come out whole."""
    place = house.places(1)[0]
    words = [house.port, house.host, place, count, RATE, source.path]
    crowd = subprocess.Popen(
        [sys.executable, "-m", "bench.parts.crowd", *map(str, words)], stdout=subprocess.PIPE
    )
    assert crowd.stdout
    crowd.stdout.readline()
    end = time.monotonic() + source.size / RATE
    seen = watch(house, lambda: time.monotonic() < end and crowd.poll() is None)
    if crowd.wait() != 0:
        raise contest.WrongAnswer("a slow upload was not taken")
    house.check(source, count)
    house.clean()
    return seen


def line_of(watched: Watched) -> list[str]:
    def column(pairs: list[tuple[float, float]], which: int) -> str:
        return table.spread([pair[which] for pair in pairs], ".1f")

    times = [busy[1] / idle[1] for idle, busy in zip(watched.idle, watched.crowded, strict=True)]
    return [
        watched.house.name,
        column(watched.idle, 0),
        column(watched.idle, 1),
        column(watched.crowded, 0),
        column(watched.crowded, 1),
        table.spread(times, ".2f"),
        "≤ 3",
    ]


def rounds(watched: list[Watched], source: Source, count: int, place: Ground) -> None:
    for _ in range(place.rounds):
        for one in watched:
            one.idle.append(while_idle(one.house, source.size / RATE))
            one.crowded.append(while_crowded(one.house, source, count))


def main() -> None:
    place = contest.ground(__doc__)
    source, count = place.source(20 * RATE, 4 * RATE), place.size(200, 40)
    watched = [
        Watched(Ours("one process", place.folder)),
        Watched(Fronted("pages in a process of their own, behind nginx", place.folder, own_pages=True)),
    ]
    for one in watched:
        while_idle(one.house, 1)
    rounds(watched, source, count, place)
    place.say()
    head = ["", "idle p50 ms", "idle p99 ms", "crowded p50 ms", "crowded p99 ms", "p99 is ×", "must be"]
    table.show(f"{count} uploads at {RATE // 1000} KB/s each", head, [line_of(one) for one in watched])


if __name__ == "__main__":
    main()

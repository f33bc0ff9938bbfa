"""The application page and a small upload while slow clients hold what they can, beside an idle house."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median, quantiles

from bench.pages import look
from bench.parts import contest, table
from bench.parts.client import Source, create_with, make_source
from bench.parts.contest import Ground
from bench.parts.front import Fronted
from bench.parts.ours import Ours

BEAT = 0.1  # seconds from one request of the normal person to the next
ACTS = ("page", "upload")
Times = dict[str, tuple[float, float, float]]


@dataclass
class Besieged:
    """One house; p50, p95, p99 in ms of each act in each round, and how long the slow ones held out."""

    house: Ours
    half_open: int
    trickling: int
    idle: list[Times] = field(default_factory=list)
    under: list[Times] = field(default_factory=list)
    lasted: dict[str, list[float]] = field(default_factory=dict)


def send(house: Ours, place: str, source: Source) -> None:
    with house.line() as line:
        create_with(line, place, source)


def live(house: Ours, source: Source, goes_on: Callable[[], bool]) -> Times:
    """Page and upload in turn, each when it is due: who must wait for the one before has waited, too."""
    place = house.places(1)[0]
    acts = {"page": lambda: look(house), "upload": lambda: send(house, place, source)}
    took: dict[str, list[float]] = {act: [] for act in ACTS}
    for due, act in beats(goes_on):
        acts[act]()
        took[act].append((time.monotonic() - due) * 1000)
    return {act: percentiles(times) for act, times in took.items()}


def beats(goes_on: Callable[[], bool]) -> Iterator[tuple[float, str]]:
    due, number = time.monotonic(), 0
    while goes_on():
        time.sleep(max(0.0, due - time.monotonic()))
        yield due, ACTS[number % len(ACTS)]
        due, number = due + BEAT, number + 1


def percentiles(times: list[float]) -> tuple[float, float, float]:
    cuts = quantiles(times, n=100, method="inclusive")
    return median(times), cuts[94], cuts[98]


def while_idle(house: Ours, source: Source, seconds: float) -> Times:
    end = time.monotonic() + seconds
    return live(house, source, lambda: time.monotonic() < end)


def while_held(one: Besieged, source: Source, seconds: float) -> Times:
    """For as long as slow clients come again; then waits until all of them are cut."""
    house = one.house
    places = [house.places(1)[0] for _ in range(20)]
    words = [house.port, house.host, one.half_open, one.trickling, seconds, *places]
    crowd = subprocess.Popen(
        [sys.executable, "-m", "bench.parts.slowly", *map(str, words)], stdout=subprocess.PIPE, text=True
    )
    assert crowd.stdout
    crowd.stdout.readline()
    seen = while_idle(house, source, seconds)
    _, told = crowd.communicate()[0].splitlines()
    for kind, lasted in json.loads(told).items():
        one.lasted.setdefault(kind, []).extend(lasted)
    house.clean()
    return seen


def lines_of(one: Besieged) -> list[list[str]]:
    def column(rounds: list[Times], act: str, which: int) -> str:
        return table.spread([times[act][which] for times in rounds], ".1f")

    return [
        [
            f"{one.house.name}: {act}",
            *(column(one.idle, act, which) for which in range(3)),
            *(column(one.under, act, which) for which in range(3)),
            "p95 < 1000",
        ]
        for act in ACTS
    ]


def cuts_of(one: Besieged) -> list[list[str]]:
    return [
        [
            f"{one.house.name}: {kind}",
            str(len(lasted)),
            f"{median(lasted):.1f}",
            f"{max(lasted):.1f}",
            str(lasted.count(float("inf"))),
        ]
        for kind, lasted in one.lasted.items()
    ]


def rounds(besieged: list[Besieged], source: Source, seconds: float, place: Ground) -> None:
    for _ in range(min(place.rounds, 3)):
        for one in besieged:
            one.idle.append(while_idle(one.house, source, seconds))
            one.under.append(while_held(one, source, seconds))


def main() -> None:
    place = contest.ground(__doc__)
    source, seconds = make_source(place.folder, 10 * 1024), place.size(40, 12)
    besieged = [
        Besieged(Ours("direct", place.folder), 300, 100),
        Besieged(Fronted("behind nginx", place.folder), 2000, 300),
    ]
    for one in besieged:
        while_idle(one.house, source, 2)
    rounds(besieged, source, seconds, place)
    place.say()
    head = [
        "",
        *(f"{when} {which} ms" for when in ("idle", "held") for which in ("p50", "p95", "p99")),
        "must be",
    ]
    title = "; ".join(
        f"{one.half_open} half-open and {one.trickling} of each trickling kind {one.house.name}"
        for one in besieged
    )
    table.show(title, head, [line for one in besieged for line in lines_of(one)])
    head = ["", "connections", "cut after s (median)", "at the latest", "never"]
    table.show("When the slow ones were cut", head, [line for one in besieged for line in cuts_of(one)])


if __name__ == "__main__":
    main()

"""Rounds of runs, A, B, A, B, and the table they make: medians, ranges, and ratios within a round."""

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Run:
    """`rate` in the table's unit (more is better); CPU seconds as the table says; peak MiB."""

    rate: float
    cpu: float
    peak: float


@dataclass
class Contender:
    """One row: its name, what makes one run of it, and what ours must reach beside it."""

    name: str
    run: Callable[[], Run]
    target: str = ""
    runs: list[Run] = field(default_factory=list)


def compete(contenders: list[Contender], rounds: int) -> None:
    """Everybody once a round, after one run each that is not counted.

    The order is there and back again, so that nobody always follows the same other.
    """
    for contender in contenders:
        contender.run()
    for turn in range(rounds):
        for contender in contenders if turn % 2 else reversed(contenders):
            contender.runs.append(contender.run())


def spread(values: list[float], form: str) -> str:
    """The median, and the range."""
    return f"{median(values):{form}} ({min(values):{form}}–{max(values):{form}})"


def ratios(contender: Contender, beside: Contender) -> list[float]:
    """Of the rates, round by round."""
    return [one.rate / other.rate for one, other in zip(contender.runs, beside.runs, strict=True)]


def rows(ours: Contender, contenders: list[Contender]) -> list[list[str]]:
    return [
        [
            contender.name,
            spread([run.rate for run in contender.runs], ".0f"),
            "" if contender is ours else spread(ratios(ours, contender), ".2f"),
            contender.target,
            f"{median(run.cpu for run in contender.runs):.2f}",
            f"{max(run.peak for run in contender.runs):.0f}",
        ]
        for contender in contenders
    ]


def show(title: str, head: list[str], lines: list[list[str]]) -> None:
    """A table in Markdown, its columns aligned."""
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    print(f"\n{title}\n")
    for line in [head, ["-" * width for width in widths], *lines]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |")
    print(flush=True)


def show_contest(title: str, unit: str, contenders: list[Contender], cost: str = "CPU s/GiB") -> None:
    """The first is ours: how many times as fast as each other it was, beside what it must reach."""
    ours = contenders[0]
    head = ["", unit, f"{ours.name} is ×", "must reach", cost, "peak RSS MiB"]
    show(title, head, rows(ours, contenders))

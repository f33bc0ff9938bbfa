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
class Candidate:
    """One row: its name, what makes one run of it, and the ratio that ours must reach against it."""

    name: str
    run: Callable[[], Run]
    target: str = ""
    runs: list[Run] = field(default_factory=list)


def run_rounds(candidates: list[Candidate], rounds: int) -> None:
    """Every candidate once a round, after one run each that is not counted.

    The order alternates, so that none always follows the same other.
    """
    for candidate in candidates:
        candidate.run()
    for number in range(rounds):
        for candidate in candidates if number % 2 else reversed(candidates):
            candidate.runs.append(candidate.run())


def spread(values: list[float], form: str) -> str:
    """The median, and the range."""
    return f"{median(values):{form}} ({min(values):{form}}–{max(values):{form}})"


def ratios(candidate: Candidate, beside: Candidate) -> list[float]:
    """Of the rates, round by round."""
    return [one.rate / other.rate for one, other in zip(candidate.runs, beside.runs, strict=True)]


def rows(ours: Candidate, candidates: list[Candidate]) -> list[list[str]]:
    return [
        [
            candidate.name,
            spread([run.rate for run in candidate.runs], ".0f"),
            "" if candidate is ours else spread(ratios(ours, candidate), ".2f"),
            candidate.target,
            f"{median(run.cpu for run in candidate.runs):.2f}",
            f"{max(run.peak for run in candidate.runs):.0f}",
        ]
        for candidate in candidates
    ]


def show(title: str, head: list[str], lines: list[list[str]]) -> None:
    """A table in Markdown, its columns aligned."""
    widths = [max(len(line[column]) for line in [head, *lines]) for column in range(len(head))]
    print(f"\n{title}\n")
    for line in [head, ["-" * width for width in widths], *lines]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |")
    print(flush=True)


def show_comparison(title: str, unit: str, candidates: list[Candidate], cost: str = "CPU s/GiB") -> None:
    """The first is ours: how many times as fast as each other it was, beside what it must reach."""
    ours = candidates[0]
    head = ["", unit, f"{ours.name} is ×", "must reach", cost, "peak RSS MiB"]
    show(title, head, rows(ours, candidates))

"""The criteria of WCAG 2.2, levels A and AA, and how each is known to be met: what wcag.toml says."""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("wcag.toml")


@dataclass(frozen=True)
class Criterion:
    """One criterion: its English name, and its tests or the day on which somebody looked."""

    number: str
    level: str
    name: str
    tests: tuple[str, ...] = ()
    checked: date | None = None


@cache
def criteria() -> tuple[Criterion, ...]:
    rows = tomllib.loads(FILE.read_text())["criterion"]
    return tuple(
        Criterion(
            row["number"],
            row["level"],
            row["name"],
            tuple(row.get("tests", ())),
            row.get("checked"),
        )
        for row in rows
    )


def last_checked() -> date:
    """The latest day on which somebody looked at a criterion."""
    return max(each.checked for each in criteria() if each.checked)

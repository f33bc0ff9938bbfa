"""Writes down the points of each scenario: `python -m tests.faults.record [SCENARIO …]`; read the diff."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.crashing import Crashing, run
from tests.faults.scenarios import SCENARIOS
from tests.parts.installation import folder
from tests.parts.scanner import Scanner

LIST = Path(__file__).parent / "points.json"
MIGRATE = "migrate"


@contextmanager
def clamd_if(guarded: bool) -> Iterator[dict[str, str]]:
    """The settings of a house with a scanner, which runs for as long as the block; none if it needs none."""
    if not guarded:
        yield {}
        return
    scanner = Scanner(folder("clamd")).start()
    try:
        yield {"CLAMD": scanner.address}
    finally:
        scanner.kill()


def points_of(name: str) -> list[str]:
    """In a house of its own, on SQLite."""
    guarded = name != MIGRATE and SCENARIOS[name].guarded
    with tempfile.TemporaryDirectory(prefix="filsluss-points-") as place, clamd_if(guarded) as own:
        here = Crashing(Path(place), **own)
        try:
            if name == MIGRATE:
                with here.dying_at(""):
                    here.house.run("migrate", "--verbosity", "0")
                return here.passed
            here.open()
            return run(here, SCENARIOS[name])
        finally:
            here.leave()


def main(*names: str) -> None:
    known = json.loads(LIST.read_text()) if LIST.exists() else {}
    for name in names or (*SCENARIOS, MIGRATE):
        known[name] = points_of(name)
        print(name, len(known[name]))
    ordered = {name: known[name] for name in (*SCENARIOS, MIGRATE) if name in known}
    LIST.write_text(json.dumps(ordered, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

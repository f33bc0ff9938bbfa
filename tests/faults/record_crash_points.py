"""Records each scenario's crash points: `python -m tests.faults.record_crash_points [SCENARIO …]`."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.crashing_service import CrashingService, run
from tests.faults.scenarios import SCENARIOS
from tests.parts.installation import folder
from tests.parts.scanner import Scanner

LIST = Path(__file__).parent / "crash_points.json"
MIGRATE = "migrate"


@contextmanager
def clamd_if(with_scanner: bool) -> Iterator[dict[str, str]]:
    """The settings of a service with a scanner, which runs inside the block; none if it needs none."""
    if not with_scanner:
        yield {}
        return
    scanner = Scanner(folder("clamd")).start()
    try:
        yield {"CLAMD": scanner.address}
    finally:
        scanner.kill()


def points_of(name: str) -> list[str]:
    """In a service of its own, on SQLite."""
    with_scanner = name != MIGRATE and SCENARIOS[name].with_scanner
    with tempfile.TemporaryDirectory(prefix="filsluss-points-") as place, clamd_if(with_scanner) as own:
        installation = CrashingService(Path(place), is_bare=name == MIGRATE, **own)
        try:
            if name == MIGRATE:
                with installation.crashing_at(""):
                    installation.service.run("migrate", "--verbosity", "0")
                return installation.passed
            installation.start()
            return run(installation, SCENARIOS[name])
        finally:
            installation.tear_down()


def main(*names: str) -> None:
    known = json.loads(LIST.read_text()) if LIST.exists() else {}
    for name in names or (*SCENARIOS, MIGRATE):
        known[name] = points_of(name)
        print(name, len(known[name]))
    ordered = {name: known[name] for name in (*SCENARIOS, MIGRATE) if name in known}
    LIST.write_text(json.dumps(ordered, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

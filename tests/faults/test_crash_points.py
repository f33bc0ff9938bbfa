"""The house dies at every named moment of everything it does, comes back, and has kept every promise."""

import json
from contextlib import ExitStack

import pytest

from tests.faults.crashing import Crashing, run
from tests.faults.record import LIST, MIGRATE, clamd_if
from tests.faults.scenarios import SCENARIOS
from tests.parts.rows import rows
from tests.parts.scanner import ClamdMissing

LISTED: dict[str, list[str]] = json.loads(LIST.read_text())
"""The durable steps of each scenario, in order; `python -m tests.faults.record` writes them down anew."""

ALWAYS = ("finish", MIGRATE)
"""Scenarios of which the short run dies at every point; of these others it dies at some."""
SHORTLY = {
    "apply": ("after-commit#1",),
    "append": ("after-splice-blob#1",),
    "send": ("before-mail-data#1", "after-mail-data#1"),
    "erase": ("after-unlink-blob#1", "after-fsync-folder#1"),
    "end": ("after-unlink-blob#1",),
}

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def make_crashing(tmp_path_factory, database_server):
    """Makes houses that die when they are told to; they stand until the last of these tests."""
    made: list[Crashing] = []
    databases = []

    def make(**own: str) -> Crashing:
        if database_server:
            databases.append(database_server.database(f"crash-{len(made)}"))
            own["DATABASE_URL"] = databases[-1].__enter__()
        made.append(Crashing(tmp_path_factory.mktemp("crash"), **own))
        return made[-1]

    yield make
    for house in made:
        house.leave()
    for database in databases:
        database.__exit__(None, None, None)


@pytest.fixture(scope="module")
def houses(make_crashing):
    """One house for each scenario, made when it is first asked for."""
    known: dict[str, Crashing] = {}

    with ExitStack() as scanners:

        def house_of(scenario: str) -> Crashing:
            if scenario not in known:
                try:
                    own = scanners.enter_context(clamd_if(SCENARIOS[scenario].guarded))
                except ClamdMissing as missing:
                    pytest.skip(str(missing))
                known[scenario] = make_crashing(**own)
                known[scenario].open()
            return known[scenario]

        yield house_of


def deaths(*names: str):
    for scenario in names:
        for point in LISTED[scenario]:
            short = scenario in ALWAYS or point in SHORTLY.get(scenario, ())
            yield pytest.param(scenario, point, marks=() if short else pytest.mark.full)


def test_every_scenario_has_its_list_of_points():
    assert sorted(LISTED) == sorted([*SCENARIOS, MIGRATE])


@pytest.mark.parametrize(
    "scenario", [pytest.param(name, marks=() if name in ALWAYS else pytest.mark.full) for name in SCENARIOS]
)
def test_the_durable_steps_of_a_scenario_are_those_written_down(houses, scenario):
    assert run(houses(scenario), SCENARIOS[scenario]) == LISTED[scenario]


@pytest.mark.parametrize(("scenario", "point"), list(deaths(*SCENARIOS)))
def test_a_death_at_any_point_breaks_no_promise(houses, scenario, point):
    run(houses(scenario), SCENARIOS[scenario], point)


@pytest.mark.parametrize(("_", "point"), list(deaths(MIGRATE)))
def test_a_death_while_migrating_is_mended_by_migrating_again(make_crashing, _, point):
    here = make_crashing()
    with here.dying_at(point):
        here.house.run("migrate", "--verbosity", "0", check=False)
    if here.house.env.get("FILSLUSS_DATABASE_URL") is None:
        assert here.passed[-1] == point
    here.house.run("migrate", "--verbosity", "0")
    assert here.house.run("migrate", "--check").returncode == 0
    assert rows(here.house, "SELECT COUNT(*) FROM filsluss_transfer") == [(0,)]

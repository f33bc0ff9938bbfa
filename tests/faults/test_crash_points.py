"""The service crashes at every named point of everything it does, restarts, and has kept every promise."""

import json
from contextlib import ExitStack

import pytest

from tests.faults.crashing_service import CrashingService, run
from tests.faults.record_crash_points import LIST, MIGRATE, clamd_if
from tests.faults.scenarios import SCENARIOS
from tests.parts.scanner import ClamdMissing
from tests.parts.shared_service import database_of_its_own
from tests.parts.storage import rows

LISTED: dict[str, list[str]] = json.loads(LIST.read_text())
"""Each scenario's durable steps, in order, as `python -m tests.faults.record_crash_points` records them."""

ALWAYS = ("finish", MIGRATE)
"""Scenarios of which the short run crashes at every point; SHORT_RUN has the points of others."""
SHORT_RUN = {
    "apply": ("after-commit#1",),
    "append": ("after-splice-blob#1",),
    "send": ("before-mail-data#1", "after-mail-data#1"),
    "erase": ("after-unlink-blob#1", "after-fsync-folder#1"),
    "end": ("after-unlink-blob#1",),
}

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def make_crashing(tmp_path_factory, database_server):
    """Makes services that crash when they are told to; they are kept until the last of these tests."""
    with ExitStack() as until_the_end:

        def make(*, is_bare: bool = False, **own: str) -> CrashingService:
            folder = tmp_path_factory.mktemp("crash")
            database = database_of_its_own(database_server, folder.name, is_bare=is_bare)
            own |= until_the_end.enter_context(database)
            service = CrashingService(folder, is_bare=is_bare, **own)
            until_the_end.callback(service.tear_down)
            return service

        yield make


@pytest.fixture(scope="module")
def services(make_crashing):
    """One service for each scenario, made when it is first asked for."""
    known: dict[str, CrashingService] = {}

    with ExitStack() as scanners:

        def service_of(scenario: str) -> CrashingService:
            if scenario not in known:
                try:
                    own = scanners.enter_context(clamd_if(SCENARIOS[scenario].with_scanner))
                except ClamdMissing as missing:
                    pytest.skip(str(missing))
                known[scenario] = make_crashing(**own)
                known[scenario].start()
            return known[scenario]

        yield service_of


def crash_cases(*names: str):
    for scenario in names:
        for point in LISTED[scenario]:
            short = scenario in ALWAYS or point in SHORT_RUN.get(scenario, ())
            on_disk = "blob" in point or "folder" in point
            marks = pytest.mark.postgresql_if_full if on_disk else ()
            yield pytest.param(scenario, point, marks=marks if short else pytest.mark.full)


def test_every_scenario_has_its_list_of_points():
    assert sorted(LISTED) == sorted([*SCENARIOS, MIGRATE])


@pytest.mark.parametrize(
    "scenario", [pytest.param(name, marks=() if name in ALWAYS else pytest.mark.full) for name in SCENARIOS]
)
def test_the_durable_steps_of_a_scenario_are_those_written_down(services, scenario):
    assert run(services(scenario), SCENARIOS[scenario]) == LISTED[scenario]


@pytest.mark.parametrize(("scenario", "point"), list(crash_cases(*SCENARIOS)))
def test_a_crash_at_any_point_breaks_no_promise(services, scenario, point):
    run(services(scenario), SCENARIOS[scenario], point)


@pytest.mark.parametrize(("_", "point"), list(crash_cases(MIGRATE)))
def test_a_crash_while_migrating_is_repaired_by_migrating_again(make_crashing, _, point):
    installation = make_crashing(is_bare=True)
    with installation.crashing_at(point):
        installation.service.run("migrate", "--verbosity", "0", check=False)
    if installation.service.env.get("FILSLUSS_DATABASE_URL") is None:
        assert installation.passed[-1] == point
    installation.service.run("migrate", "--verbosity", "0")
    assert installation.service.run("migrate", "--check").returncode == 0
    assert rows(installation.service, "SELECT COUNT(*) FROM filsluss_transfer") == [(0,)]

"""An upgrade that is killed, at whatever moment, has changed nothing, and is completed by the next one."""

import os
import random
import signal
import subprocess
import time

import pytest

from tests.parts import crash_points, preloaded
from tests.parts.installation_before import InstallationBefore, all_rows

pytestmark = [pytest.mark.live, pytest.mark.timeout(3600)]

MIGRATE = ("migrate", "--verbosity", "0")
COMMITTED = "after-commit#1"


class CrashingUpgrade:
    """A copy that is upgraded by a program which is killed at a named statement."""

    def __init__(self, service: InstallationBefore) -> None:
        self.service, self.program = service, service.program
        self.control = service.data_dir.with_name("control")
        self.control.mkdir()
        for name in ("armed", "statements"):
            (self.control / name).touch()

    def run(self, point: str = "") -> int:
        """Without a name the points are only recorded; returns the exit status."""
        (self.control / "passed").write_text("")
        (self.control / "crash-at").write_text(point)
        self.service.program = [*crash_points.PROGRAM, str(self.control)]
        try:
            return self.service.run(*MIGRATE, check=not point).returncode
        finally:
            self.service.program = self.program

    def points(self) -> list[str]:
        """Before each statement of an upgrade, and after its last one."""
        self.run()
        passed = (self.control / "passed").read_text().split()
        return [point for point in passed if point.startswith("before-")] + passed[-1:]

    def run_for(self, seconds: float) -> None:
        """Kills it after so long, wherever it is."""
        with open(os.devnull, "wb") as nowhere:
            process = preloaded.start([*self.program, *MIGRATE], self.service.env, nowhere, nowhere)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def is_untouched(self) -> bool:
        return all_rows(self.service) == self.service.before


@pytest.fixture
def begin(load_before):
    def crashing():
        return CrashingUpgrade(load_before())

    return crashing


def completed(upgrade):
    """Every link answers as before once the next upgrade has run."""
    upgrade.service.run(*MIGRATE)
    upgrade.service.start("web")
    return upgrade.service.answers() == upgrade.service.answers_before()


def kill_at(begin, few):
    """An upgrade of one copy is killed at one point after the other, and then completed."""
    points, upgrade = begin().points(), begin()
    assert points[-2:] == ["before-commit#1", COMMITTED]
    assert len(points) > 100
    chosen = points if few is None else [*points[: -2 : len(points) // few], *points[-2:]]
    for point in chosen:
        assert (point, upgrade.run(point)) == (point, -signal.SIGKILL)
        assert upgrade.is_untouched == (point != COMMITTED), point
    assert completed(upgrade)


def test_an_upgrade_killed_at_a_few_statements_is_completed_by_the_next(begin):
    kill_at(begin, few=6)


@pytest.mark.full
def test_an_upgrade_killed_at_any_statement_is_completed_by_the_next(begin):
    kill_at(begin, few=None)


def kill_after(begin, count, seed, latest=1.0):
    """As above, but at moments that nobody has chosen; `latest` as a share of what an upgrade takes."""
    chance, lasts, killed = random.Random(seed), time_of(begin()), 0
    upgrade = begin()
    while killed < count:
        began = time.monotonic()
        upgrade.run_for(chance.uniform(0.2, latest) * lasts)
        if upgrade.is_untouched:
            killed += 1
        else:  # it was quicker this time, and has done it all
            assert completed(upgrade)
            lasts, upgrade = min(lasts, time.monotonic() - began), begin()
    assert completed(upgrade)


def time_of(upgrade):
    began = time.monotonic()
    upgrade.service.run(*MIGRATE)
    return time.monotonic() - began


@pytest.mark.postgresql_if_full
def test_an_upgrade_killed_at_three_moments_is_completed_by_the_next(begin):
    kill_after(begin, 3, seed=1, latest=0.8)  # an upgrade that is quicker begins anew


@pytest.mark.full
def test_an_upgrade_killed_at_a_hundred_moments_is_completed_by_the_next(begin):
    kill_after(begin, 100, seed=2)

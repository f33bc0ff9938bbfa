"""An upgrade of many cases: every row arrives, in memory that does not grow with them."""

import subprocess
import sys
import time

import pytest

from tests.parts import many_before
from tests.parts.installation_before import OF_A_FILE, OWNERS
from tests.parts.storage import rows

pytestmark = [pytest.mark.live, pytest.mark.timeout(10_800)]

PEAK = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""
"""Runs a command and prints its largest resident set in KiB. A child of pytest counts with all of pytest."""


@pytest.fixture
def fill(make_service):
    """A service with so many cases in the tables of the version before."""

    def filled(cases):
        service = make_service(is_bare=True)
        service.data_dir.mkdir()
        for part in ("contenttypes", "auth", "sessions"):
            service.run("migrate", part, "--verbosity", "0")
        service.run("migrate", "filsluss", many_before.LAST_MIGRATION, "--verbosity", "0")
        many_before.fill(service, cases)
        return service

    return filled


def upgrade(service):
    """Upgrades it; returns the MiB that took at most."""
    command = [sys.executable, "-c", PEAK, *service.program, "migrate", "--verbosity", "0"]
    ran = subprocess.run(command, env=service.env, capture_output=True, text=True, check=True)
    return int(ran.stdout) / 1024


def counts(service):
    tables = ("transfer", "transferfile", "letter", "auditentry", "party", "link", "pickup", "lettercase")
    return {table: rows(service, f"SELECT COUNT(*) FROM filsluss_{table}")[0][0] for table in tables}


def counts_of(cases):
    """What that many cases become: each third one is outbound, and has no approver."""
    approved = cases - cases // 3
    return {
        **{table: each * cases for table, each in many_before.PER_CASE.items()},
        "party": 2 * cases + approved,
        "link": 3 * cases + 2 * approved + 4 * cases,
        "pickup": 2 * cases,
        "lettercase": 5 * cases,
    }


def links_of(service, case):
    """The links of one case by digest, with their purpose, their party's role and their file."""
    return rows(
        service,
        "SELECT l.digest, l.purpose, p.role, l.file_id, l.derived_from FROM filsluss_link l"
        f" JOIN filsluss_party p ON p.id = l.party_id WHERE l.transfer_id = {case} ORDER BY 1",
    )


def links_before(case):
    transfer, files = many_before.transfer(case), [many_before.file(2 * case - 1), many_before.file(2 * case)]
    return sorted(
        (row[many_before.digest_column(purpose)], purpose.value, OWNERS[purpose], file, row["public_id"])
        for purpose in OWNERS
        for row, file in (
            [(each, each["id"]) for each in files] if purpose in OF_A_FILE else [(transfer, None)]
        )
        if transfer["approver_email"] or OWNERS[purpose] != "approver"
    )


def test_every_row_of_a_thousand_cases_arrives(fill):
    few, many = fill(200), fill(1000)
    peak = upgrade(few)
    assert upgrade(many) < peak + 20
    for service, cases in ((few, 200), (many, 1000)):
        assert counts(service) == counts_of(cases)
        for case in (1, 2, 3, cases):
            assert links_of(service, case) == links_before(case)


@pytest.mark.full
def test_memory_does_not_grow_with_the_rows(fill):
    peaks = {}
    for cases in (200, 20_000, 100_000):
        service, began = fill(cases), time.monotonic()
        peaks[cases] = upgrade(service)
        print(f"{cases} cases: {peaks[cases]:.0f} MiB, {time.monotonic() - began:.0f} s")
        assert counts(service) == counts_of(cases)
        for case in (1, cases // 2, cases):
            assert links_of(service, case) == links_before(case)
    assert max(peaks.values()) < peaks[200] + 40

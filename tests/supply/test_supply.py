"""Supply chain: few packages, each for a reason, and a bill of materials of all of them."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from cyclonedx.model.bom import Bom

from tests.parts import pip_audit, wheel
from tests.parts.databases import IN_PART, ONE_DATABASE

ROOT = Path(__file__).parents[2]
LOCKED = re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)


def required():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [re.split(r"[\[~=<>]", need)[0] for need in project["dependencies"]]


@pytest.fixture(scope="module")
def bill():
    ran = subprocess.run([sys.executable, ROOT / "bin/sbom"], capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)


def test_every_dependency_has_its_line_in_the_document_and_no_other_has():
    table = (ROOT / "docs/dependencies.md").read_text()
    rows = re.findall(r"^\| ([\w-]+) \| (.+) \|$", table, re.MULTILINE)
    assert [name for name, _ in rows if name != "package"] == required()
    assert [name for name, why in rows if len(why) < 20] == []


def test_there_are_no_more_than_fifteen():
    assert len(required()) <= 15


def test_what_only_the_build_needs_is_locked_and_not_there_at_run_time():
    locked = re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements-build.txt").read_text(), re.MULTILINE)
    wanted = (ROOT / "requirements-build.in").read_text().splitlines()[1:]
    assert locked == [re.split(r"[~=<>]", line)[0] for line in wanted]
    assert set(locked) & {name for name, _ in LOCKED} == set()
    system = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(system["requires"]) - {*wanted, *project["dependencies"]} == {"setuptools>=77"}


def test_the_bill_names_every_locked_package_with_its_checksums(bill):
    named = [(part["name"], part["version"]) for part in bill["components"]]
    assert named == LOCKED
    sums = {
        entry["content"] for part in bill["components"] for entry in part["externalReferences"][0]["hashes"]
    }
    assert sums == set(re.findall(r"sha256:([0-9a-f]{64})", (ROOT / "requirements.txt").read_text()))


def test_what_we_ask_for_is_what_we_depend_on_in_the_bill(bill):
    us = bill["metadata"]["component"]["bom-ref"]
    (ours,) = [entry["dependsOn"] for entry in bill["dependencies"] if entry["ref"] == us]
    names = {re.fullmatch(r"pkg:pypi/([a-z0-9-]+)@\S+", ref)[1] for ref in ours}
    assert names - {"psycopg-binary", "psycopg-pool"} == {name.lower() for name in required()}


def test_the_bill_is_read_by_the_library_that_defines_the_format(bill):
    read = Bom.from_json(bill)
    assert read.validate()
    assert sorted(str(part.purl) for part in read.components) == sorted(
        part["purl"] for part in bill["components"]
    )


def test_the_bill_is_the_same_whoever_makes_it(bill):
    ran = subprocess.run(
        [sys.executable, ROOT / "bin/sbom"], capture_output=True, text=True, check=True, cwd="/"
    )
    assert json.loads(ran.stdout) == bill


SKIPPED = {"name": "a", "skip_reason": "not found"}
SOUND = {"name": "b", "version": "1", "vulns": []}
FLAWED = {"name": "c", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}


@pytest.mark.parametrize(
    ("packages", "status", "words"),
    [
        (None, 0, "Skipped: pip-audit could not ask: no line"),
        ([SKIPPED], 0, "Skipped: the advisory service could not be asked for any package from here"),
        ([SOUND, SKIPPED], 0, "1 of 2 packages asked about, 0 flaws known"),
        ([SOUND, FLAWED], 1, "c 2: PYSEC-1, mended in ['3']\n2 of 2 packages asked about, 1 flaws known"),
    ],
    ids=["no answer", "nobody there", "sound", "flawed"],
)
def test_an_audit_fails_for_a_known_flaw_and_says_when_it_could_not_ask(packages, status, words):
    answer = "" if packages is None else json.dumps({"dependencies": packages})
    assert pip_audit.verdict(answer, "no line") == (status, words)


def test_a_wheel_with_a_file_too_many_or_too_few_is_refused(tmp_path):
    (tmp_path / "filsluss").mkdir()
    for name in ("a.py", "b.html"):
        (tmp_path / "filsluss" / name).touch()
    about = {"filsluss-1.dist-info/licenses/LICENSE", "filsluss-1.dist-info/entry_points.txt"}
    assert wheel.faults({"filsluss/a.py", "filsluss/b.html", *about}, tmp_path) == []
    assert wheel.faults({"filsluss/a.py", "filsluss/.env", "tests/x.py", *about}, tmp_path) == [
        "missing: filsluss/b.html",
        "not expected: filsluss/.env",
        "not expected: tests/x.py",
    ]


def test_the_document_names_what_does_not_run_again_on_postgresql():
    rows = re.findall(
        r"^\| `(tests/\S+)` \| (.+) \|$", (ROOT / "docs" / "testing.md").read_text(), re.MULTILINE
    )
    assert (len(rows), dict(rows)) == (len(ONE_DATABASE) + len(IN_PART), ONE_DATABASE | IN_PART)
    assert [path for path in ONE_DATABASE if not (ROOT / path).exists()] == []
    marked = [
        path
        for path in (ROOT / "tests").rglob("test_*.py")
        if re.search(r"mark\.(one_database|postgresql_if_full)", path.read_text())
    ]
    assert sorted(str(path.relative_to(ROOT)) for path in marked) == list(IN_PART)

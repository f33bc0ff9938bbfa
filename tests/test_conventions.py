"""Conventions of the source that a test can check."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest
from django.apps import apps
from django.core.management import call_command

from filsluss.languages import LANGUAGES
from filsluss.models.letter import Delivery
from filsluss.rules import directions, lifecycle

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "filsluss"
MODULES, CATALOGUES = sorted(SOURCE.rglob("*.py")), sorted(SOURCE.rglob("*.po"))
MIGRATIONS = [path for path in MODULES if path.parent.name == "migrations" and path.name[0] == "0"]
CATCH_ALL = {"utils", "util", "common", "helpers", "helper", "services", "core", "base", "exceptions", "misc"}
NAMED_BY_DJANGO = ["postgresql/base.py", "sqlite/base.py"]  # it looks for a database engine there
ENTRY_POINTS = (
    "pages",
    "streams",
    "jobs",
    "management",
    "cli",
    "ops",
    "wsgi",
    "server",
)
WRITES = {"create", "bulk_create", "bulk_update", "get_or_create", "update_or_create", "delete", "save"}
WRITES |= {f"a{name}" for name in WRITES}
AMBIGUOUS = {"update", "aupdate", "add", "aadd", "set", "aset", "remove", "aremove", "clear", "aclear"}
"""These write rows if they are called on a query or a relation, and are methods of much else."""
SQL_WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|REPLACE)\b", re.IGNORECASE)
NO_ROWS_OF_OURS = {"User.objects.get_or_create", "user.save", "store.create", "target.create"}
"""Users are Django's; the others are a blob and a key file."""


def name_of(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function of the file, and how many lines it has."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield f"{name_of(path)}:{node.name}", node.end_lineno - node.lineno + 1


def modules_of(*names: str) -> list[Path]:
    """The modules of these packages, or the module of that name."""
    return [path for path in MODULES if name_of(path).removesuffix(".py").split("/")[0] in names]


def calls(path: Path) -> Iterator[tuple[str, int]]:
    """Every call in the file as it is written, such as `datetime.now`, and its line."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


def test_every_module_opens_with_one_line_that_says_what_it_holds():
    opening = {name_of(path): ast.get_docstring(tree_of(path), clean=False) or "" for path in MODULES}
    ours = {name: text for name, text in opening.items() if not name.startswith("migrations/0")}
    assert [name for name, text in ours.items() if not text.strip() or "\n" in text] == []


def test_no_file_is_longer_than_300_lines():
    lengths = {
        name_of(path): len(path.read_text().splitlines()) for path in MODULES if path not in MIGRATIONS
    }
    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_no_function_is_longer_than_60_lines():
    lengths = dict(found for path in MODULES for found in functions(path))
    assert {name: length for name, length in lengths.items() if length > 60} == {}


def test_no_module_has_a_catch_all_name():
    places = {*MODULES, *(path.parent for path in MODULES)}
    assert sorted(name_of(path) for path in places if path.stem in CATCH_ALL) == NAMED_BY_DJANGO


def test_a_migration_imports_nothing_of_ours():
    """Today's code must not change what a migration did long ago."""
    used = {
        (path.name, line)
        for path in MIGRATIONS
        for line in path.read_text().splitlines()
        if re.search(r"^\s*(import|from) +(filsluss|\.)|\bfilsluss\.[a-z]\w*\.", line)
    }
    assert used == set()


@pytest.mark.django_db
def test_the_migrations_make_what_the_models_say():
    call_command("makemigrations", "filsluss", check=True, dry_run=True, verbosity=0)


def test_only_an_entry_point_reads_the_clock():
    clock = re.compile(r"(^|\.)(now|utcnow)$|^(datetime\.)?(date|datetime)\.today$|^time\.time(_ns)?$")
    read = [
        f"{name_of(path)}:{line}"
        for path in modules_of("rules", "models", "letters", "actions")
        for call, line in calls(path)
        if clock.search(call)
    ]
    assert read == []


def relations() -> set[str]:
    """The names by which one row of ours leads to many others."""
    models = apps.get_app_config("filsluss").get_models()
    return {str(each.get_accessor_name()) for model in models for each in model._meta.related_objects}


def rows_written(tree: ast.Module) -> list[str]:
    """The calls that write rows: by a manager, a relation, a query or a row itself, or in SQL."""
    of_rows = re.compile(rf"\b(_?objects|{'|'.join(sorted(relations()))})\b|\.(filter|exclude|all)\(")
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        call, name, receiver = ast.unparse(node.func), node.func.attr, ast.unparse(node.func.value)
        of_a_row = name in WRITES or (name in AMBIGUOUS and of_rows.search(receiver))
        in_sql = name.startswith("execute") and SQL_WRITES.search(" ".join(map(ast.unparse, node.args)))
        if (of_a_row or in_sql) and call not in NO_ROWS_OF_OURS:
            found.append(f"{node.lineno} {call}")
    return found


def test_an_entry_point_never_writes_a_row():
    modules = modules_of(*ENTRY_POINTS)
    assert {name_of(path).removesuffix(".py").split("/")[0] for path in modules} == set(ENTRY_POINTS)
    written = {name_of(path): rows_written(tree_of(path)) for path in modules}
    assert {name: lines for name, lines in written.items() if lines} == {}


@pytest.mark.parametrize(
    "line",
    [
        "Transfer.objects.create(state='open')",
        "Transfer.objects.filter(pk=1).update(state='open')",
        "Transfer._default_manager.filter(pk=1).aupdate(state='open')",
        "link.delete()",
        "file.save(update_fields=['name'])",
        "await file.asave()",
        "transfer.files.create(name='x')",
        "transfer.files.update(state='erased')",
        "transfer.links.set([])",
        "Link.objects.bulk_create([link])",
        "TransferFile(name='x').save()",
        "cursor.execute('DELETE FROM filsluss_link')",
        "self.transfer.files.all().delete()",
    ],
)
def test_every_way_to_write_a_row_is_seen(line: str):
    tree = ast.parse(f"async def f():\n    {line}")
    assert len(rows_written(tree)) == 1


def test_what_writes_no_row_is_not_taken_for_it():
    harmless = ["known.add(1)", "digest.update(b'x')", "done.set()", "environ.update({})", "names.clear()"]
    assert [line for line in harmless if rows_written(ast.parse(line))] == []


def test_there_is_something_to_look_at():
    """Or every test of this file would pass."""
    assert (len(MODULES) > 100, len(MIGRATIONS) > 5) == (True, True)
    assert [path.parts[-3] for path in CATALOGUES] == [code for code in LANGUAGES if code != "en"]
    read = {name_of(path).split("/")[0] for path in modules_of("rules", "models", "letters", "actions")}
    assert read == {"rules", "models", "letters", "actions"}
    assert len([found for path in modules_of("actions") for found in calls(path)]) > 100


def test_an_action_takes_one_positional_argument_and_the_rest_by_keyword():
    """Only `advance` and `moved` take two: a transfer and its step are one sentence."""
    loose = [
        f"{name_of(path)}:{node.name}"
        for path in modules_of("actions")
        for node in tree_of(path).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        if len(node.args.args) > 1 + (node.name in ("advance", "moved"))
    ]
    assert loose == []


@pytest.mark.parametrize(
    "lock", ["requirements.txt", "requirements-s3.txt", "requirements-build.txt", "requirements-dev.txt"]
)
def test_a_lock_file_names_versions_and_hashes_and_no_host(lock: str):
    lines = (ROOT / lock).read_text().splitlines()
    named = [line for line in lines if line[:1].isalpha()]
    assert [line for line in named if not re.fullmatch(r"[a-z0-9-]+==[^ ]+( ; .+)? \\", line)] == []
    assert [line for line in lines if "://" in line or line.startswith("-")] == []


def test_what_the_service_runs_on_is_what_it_is_tested_on():
    def versions(lock: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9-]+==[^ ]+", (ROOT / lock).read_text(), re.MULTILINE))

    assert versions("requirements.txt") - versions("requirements-dev.txt") == set()
    assert versions("requirements-build.txt") - versions("requirements-dev.txt") == set()
    assert versions("requirements-s3.txt") - versions("requirements-dev.txt") == set()


def test_every_requirement_is_in_its_lock_file():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[\[~=<>]", need)[0].lower() for need in project["dependencies"]}
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert wanted - locked == set()


def test_the_lock_file_of_the_foreign_clients_names_no_host():
    lock = json.loads((ROOT / "tests/foreign/package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if "integrity" not in package] == []


@pytest.mark.skipif(not which("msgfmt"), reason="msgfmt is not here (apt-get install gettext)")
def test_every_catalogue_is_compiled_beside_its_source(tmp_path: Path):
    """The demo must speak Swedish on a machine without gettext."""
    subprocess.run([sys.executable, ROOT / "bin" / "words", tmp_path], check=True)
    made = {each.relative_to(tmp_path): each.read_bytes() for each in tmp_path.rglob("*.mo")}
    locale = SOURCE / "locale"
    assert {each.relative_to(locale): each.read_bytes() for each in locale.rglob("*.mo")} == made
    assert len(made) == len(CATALOGUES) + 1  # English has no source of its own


def test_the_glossary_explains_every_state_every_reason_and_every_proof():
    words = set(re.findall(r"`([A-Z_]+)`", (ROOT / "docs/glossary.md").read_text()))
    kinds = (lifecycle.State, lifecycle.FileState, lifecycle.ErasedBecause, directions.Proof, Delivery)
    assert {member.name for kind in kinds for member in kind} - words == set()


OF_ITS_OWN = {
    "letters/test_claims.py:try_for",  # it tells that nothing happens, by trying for the whole time
    "streams/test_timeouts.py:test_it_ends_when_the_file_is_removed_and_no_new_one_begins",
    "streams/test_timeouts.py:test_it_goes_on_while_nothing_happens_to_the_file",  # both read slowly
}


def test_what_takes_a_while_is_waited_for_in_one_way():
    """A loop that sleeps until a time of its own says less when it fails, and no two wait equally long."""
    own = {
        f"{path.relative_to(ROOT / 'tests')}:{function.name}"
        for path in (ROOT / "tests").rglob("*.py")
        for function in ast.walk(tree_of(path))
        if isinstance(function, ast.FunctionDef) and "monotonic" in ast.unparse(function)
        for loop in ast.walk(function)
        if isinstance(loop, ast.While) and re.search(r"\bsleep\(|wait_for_timeout", ast.unparse(loop))
    }
    assert own == OF_ITS_OWN

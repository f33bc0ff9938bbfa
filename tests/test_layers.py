"""What may know what: no import points up, wherever it stands, and one file knows gunicorn's inside."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

from tests.test_conventions import MODULES, ROOT, SOURCE, calls, name_of, tree_of

IMPORTERS = re.compile(r"(^|\.)(import_module|__import__|import_string|load_class|exec|eval)$")
OUR_MODULE = re.compile(r"filsluss(\.[a-z_0-9]+)+(\.[A-Za-z_0-9]+)?")
READ_BY_NAME = {
    "settings.py",  # Django's own list of what it loads
    "cli.py",  # the name of that list
    "conf/databases.py",  # the database engine, which Django loads
}
DOOR, SERVER = "streams/connection.py", {"server/gunicorn_worker.py", "server/web.py"}
INSIDE = {"unreader", "must_close", "failed", "take_buffered", "finish_body", "reader", "message"}
"""What requests, bodies and parsers of gunicorn have."""

PLANTED = {
    "rules/spans.py": "from filsluss import cli",
    "streams/ranges.py": "import filsluss.pages.errors",
    "actions/room.py": "from filsluss.jobs import JOBS",
    "server/supervisor.py": "from filsluss.management.commands import demo",
    "management/running.py": "from filsluss.cli import start",
    "blobs/protocol.py": "from django.db import connection",
}


def strings(path: Path) -> Iterator[ast.Constant]:
    """The strings of a file that are no docstrings."""
    tree = tree_of(path)
    said = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in said:
            yield node


def contracts(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-cache", "--config", ROOT / "pyproject.toml"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_an_import_inside_a_function_breaks_a_contract_as_any_other(tmp_path: Path):
    shutil.copytree(SOURCE, tmp_path / "filsluss", ignore=shutil.ignore_patterns("static", "locale"))
    for name, line in PLANTED.items():
        with (tmp_path / "filsluss" / name).open("a") as file:
            file.write(f"\n\ndef planted() -> None:\n    {line}\n")
    found = contracts(tmp_path)
    assert found.returncode == 1, found.stdout + found.stderr
    importers = {"filsluss." + name.removesuffix(".py").replace("/", ".") for name in PLANTED}
    broken = set(re.findall(r"(filsluss[\w.]*) -> [\w.]+ \(l\.\d+", found.stdout))
    assert importers - broken == set()


def test_no_modules_import_each_other_in_a_circle():
    graph = grimp.build_graph("filsluss", cache_dir=None)
    imported = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imported) > 200
    try:
        TopologicalSorter(imported).prepare()
    except CycleError as found:
        pytest.fail(" -> ".join(found.args[1]))


def test_one_module_asks_where_a_request_was_sent_from():
    naming = {name_of(path) for path in MODULES if "is_from_us" in path.read_text()}
    assert naming == {"rules/origins.py", "cross_site.py"}


def test_nothing_is_imported_by_its_name():
    """Such an import is seen by no contract."""
    called = [f"{name_of(path)}:{line} {call}" for path in MODULES for call, line in calls(path)]
    assert [call for call in called if IMPORTERS.search(call)] == []
    named = {
        name_of(path)
        for path in MODULES
        for node in strings(path)
        if OUR_MODULE.fullmatch(node.value) and is_module(node.value)
    }
    assert named == READ_BY_NAME


def is_module(name: str) -> bool:
    """Whether it, or what it is an attribute of, is a module of ours."""
    for path in (name, name.rpartition(".")[0]):
        place = SOURCE.parent / path.replace(".", "/")
        if path != "filsluss" and (place.is_dir() or place.with_suffix(".py").exists()):
            return True
    return False


def unexplained(text: str) -> list[int]:
    """The lines of imports inside functions that no comment explains, on the same line or on the one before.

    One comment is enough for imports that follow each other.
    """
    lines, found = text.splitlines(), []
    functions = [
        node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    inside = {
        node.lineno
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    for number in sorted(inside):
        before = lines[number - 2].strip()
        is_explained = "#" in lines[number - 1] or before.startswith("#")
        if not is_explained and not (number - 1 in inside and number - 1 not in found):
            found.append(number)
    return found


def test_an_import_inside_a_function_says_why():
    assert unexplained("def f():\n    import a\n") == [2]
    assert unexplained("def f():\n    # because\n    import a\n    import b\n") == []
    found = {name_of(path): unexplained(path.read_text()) for path in MODULES}
    assert {name: lines for name, lines in found.items() if lines} == {}


def known_of_gunicorn(path: Path) -> list[str]:
    """What a file says that only gunicorn has: its keys of the environ, and what is inside its objects."""
    keys = [
        node.value for node in strings(path) if re.search(r"gunicorn\.|wsgi\.input|\bgthread\b", node.value)
    ]
    imported = [
        ast.unparse(node)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Import | ast.ImportFrom) and "gunicorn." in ast.unparse(node) + "."
        if not ast.unparse(node).startswith("from filsluss.")
    ]
    return keys + imported


def looked_into(path: Path) -> list[str]:
    """Attributes of gunicorn's objects that are no part of its worker and application classes."""
    own = ("self", "super()", "cls")
    return [
        ast.unparse(node)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute)
        if node.attr in INSIDE or (node.attr.startswith("_") and ast.unparse(node.value) not in own)
        if not ast.unparse(node.value).startswith(("connection", "self"))
    ]


def test_one_file_knows_gunicorns_inside():
    known = {name_of(path): known_of_gunicorn(path) for path in MODULES}
    assert {name for name, found in known.items() if found} == {DOOR, *SERVER}
    assert [found for name in SERVER for found in looked_into(SOURCE / name)] == []
    assert len(looked_into(SOURCE / DOOR)) > 5

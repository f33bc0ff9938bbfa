"""What our own source never does, which rules out whole classes of attacks."""

import ast
import re
from pathlib import Path

import pytest
from django.conf import settings

SOURCE = Path(__file__).parents[2] / "src" / "filsluss"


def files(folder, pattern="*"):
    """Those below the folder; none at all is a fault, as every test of none would pass."""
    found = [path for path in sorted((SOURCE / folder).rglob(pattern)) if path.is_file()]
    assert found, f"no {pattern} in {SOURCE / folder}"
    return found


TREES = {path: ast.parse(path.read_text()) for path in files(".", "*.py")}


def imports():
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            names = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            )
            module = getattr(node, "module", None)
            for name in [module] if module else names:
                yield path.relative_to(SOURCE).as_posix(), name


def calls():
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                function = node.func
                name = getattr(function, "attr", None) or getattr(function, "id", "")
                yield path.relative_to(SOURCE).as_posix(), name, node


@pytest.mark.parametrize("name", ["pickle", "marshal", "yaml", "shelve", "dill"])
def test_f10_nothing_is_read_that_could_be_a_program(name):
    assert [where for where, module in imports() if module.split(".")[0] == name] == []


def test_f10_a_session_is_json():
    assert settings.SESSION_SERIALIZER == "django.contrib.sessions.serializers.JSONSerializer"


PROBES = {"streams/upload_probe.py", "streams/download_probe.py"}


@pytest.mark.parametrize("name", ["urllib.request", "http.client", "requests", "httpx", "aiohttp", "urllib3"])
def test_f7_the_service_fetches_no_address_that_somebody_gave(name):
    """`filsluss check` asks its own BASE_URL, which no stranger can set."""
    asking = [where for where, module in imports() if module == name or module.startswith(f"{name}.")]
    assert set(asking) == (PROBES if name == "http.client" else set())


def test_what_is_looked_for_would_be_found():
    """Each kind of import and call that the tests here rule out; the source has others of the same kinds."""
    assert {"json", "django.db"} <= {module for _, module in imports()}
    assert {"parse_qs", "filter", "execute"} <= {name for _, name, _ in calls()}
    assert {where.partition("/")[0] for where, _, _ in calls()} >= {"actions", "pages", "streams", "models"}


def test_c12_no_sql_is_put_together_from_strings():
    """Migrations may: they run before anybody is answered, on names of tables and columns that we wrote."""
    bad = {"raw", "extra", "RawSQL"}
    assert [(where, name) for where, name, _ in calls() if name in bad] == []
    composed = [
        where
        for where, name, node in calls()
        if name in ("execute", "executemany")
        and not where.startswith(("migrations/", "management/"))  # a command's own `execute` is none of SQL's
        and node.args
        and not isinstance(node.args[0], ast.Constant | ast.Name | ast.Attribute)
    ]
    assert composed == []


def test_c4_no_text_of_a_stranger_is_ever_compiled():
    bad = {"eval", "exec", "compile", "Template", "from_string", "render_to_string_from"}
    found = [(where, name) for where, name, node in calls() if name in bad and not is_regex(node)]
    assert found == []
    formatted = [
        where
        for where, name, node in calls()
        if name in ("format", "format_map")
        and isinstance(node.func, ast.Attribute)
        and not isinstance(node.func.value, ast.Constant)
    ]
    assert formatted == []


def is_regex(node):
    return isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "re"


def test_c5_no_script_of_ours_writes_html():
    writing = r"(?:inner|outer)HTML\s*\+?=(?!=)|insertAdjacentHTML|document\.write|\beval\(|new Function"
    for path in files("static", "*.js"):
        assert re.findall(writing, path.read_text()) == [], path


def test_c5_no_template_marks_anything_as_safe():
    for path in files("templates"):
        text = path.read_text()
        assert "|safe" not in text, path
        assert "autoescape off" not in text or path.suffix == ".txt", path


def test_no_shell_runs():
    shells = [where for where, name, node in calls() if any(k.arg == "shell" for k in node.keywords)]
    assert shells == []
    assert [(where, name) for where, name, _ in calls() if name in ("system", "popen")] == []


def test_c8_no_address_is_built_from_what_a_request_says_of_its_host():
    assert [where for where, name, _ in calls() if name in ("build_absolute_uri", "get_host")] == []

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


MAY_ASK = {
    "http.client": PROBES,  # `filsluss check` asks its own BASE_URL, which no stranger can set
    # The issuer that the operator has set, and what its metadata names: no redirect, limits on time and size.
    "requests": {"identity/web.py"},
}


@pytest.mark.parametrize("name", ["urllib.request", "http.client", "requests", "httpx", "aiohttp", "urllib3"])
def test_f7_the_service_fetches_no_address_that_somebody_gave(name):
    asking = [where for where, module in imports() if module == name or module.startswith(f"{name}.")]
    assert set(asking) == MAY_ASK.get(name, set())


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
        and not is_quoted(node.args[0])
    ]
    assert composed == []


def is_quoted(node):
    """Whether it is `SQL("…").format(Identifier(…))`: psycopg quotes each value, for LISTEN takes none."""
    match node:
        case ast.Call(
            func=ast.Attribute(ast.Call(ast.Name("SQL"), [ast.Constant()], []), "format"),
            args=args,
            keywords=[],
        ):
            return all(
                isinstance(each, ast.Call) and getattr(each.func, "id", "") in ("Identifier", "Literal")
                for each in args
            )
    return False


@pytest.mark.parametrize(
    ("statement", "is_safe"),
    [
        ("SQL('LISTEN {}').format(Identifier(channel))", True),
        ("SQL('LISTEN {}').format(channel)", False),
        ("SQL('LISTEN {}').format(SQL(channel))", False),
        ("SQL(f'LISTEN {channel}').format()", False),
        ("SQL(channel)", False),
        ("f'LISTEN {channel}'", False),
        ("'LISTEN {}'.format(channel)", False),
    ],
)
def test_c12_only_quoted_names_are_put_into_sql(statement, is_safe):
    assert is_quoted(ast.parse(statement, mode="eval").body) == is_safe


OUR_PATTERNS = {
    # Of `filsluss.languages`, where each language is written down in our source.
    ("rules/formats.py", "own.weekday_date"),
    ("rules/formats.py", "language_named(language).time"),
    ("rules/formats.py", "language_named(language).moment"),
    ("rules/formats.py", "language_named(language).minutes[minutes != 1]"),
    ("rules/formats.py", "language_named(language).tomorrow"),
    ("rules/formats.py", "language_named(language).days_left[min(max(days, 0), 2)]"),
    ("rules/formats.py", "language_named(language).at_time"),
    ("rules/formats.py", "pattern"),
    ("rules/policy.py", "language_named(language).organisation"),
    # Of `filsluss list` and `filsluss show`: constants of their modules.
    ("management/commands/list.py", "LINE"),
    ("management/commands/show.py", "line"),
    # psycopg's, which quotes what it puts in: see the test of SQL.
    ("postgresql/listening.py", "SQL('LISTEN {}')"),
}
"""Where the pattern is no constant on the spot, what it is; the values put into it may be anybody's."""


def test_c4_no_text_of_a_stranger_is_ever_compiled():
    bad = {"eval", "exec", "compile", "Template", "from_string", "render_to_string_from"}
    found = [(where, name) for where, name, node in calls() if name in bad and not is_regex(node)]
    assert found == []
    formatted = {
        (where, ast.unparse(node.func.value))
        for where, name, node in calls()
        if name in ("format", "format_map")
        and isinstance(node.func, ast.Attribute)
        and not isinstance(node.func.value, ast.Constant)
    }
    assert formatted == OUR_PATTERNS


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

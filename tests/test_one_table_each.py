"""What several parts must know stands in one table each: letter kinds, roles, permissions, settings."""

import ast
import dataclasses
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import filsluss
from filsluss.conf.names import PREFIX, Name
from filsluss.conf.reading import read
from filsluss.conf.table import TABLE
from filsluss.languages import LANGUAGES
from filsluss.rules import lifecycle
from filsluss.rules.directions import BY_RULE, Role
from filsluss.rules.letter_kinds import KINDS, LetterKind
from filsluss.rules.permissions import Act, StaffRole
from filsluss.rules.policy import Policy

SOURCE = Path(filsluss.__file__).parent
MODULES = [path for path in SOURCE.rglob("*.py") if "migrations" not in path.parts]
"""Migrations import nothing of ours, as they do what they did when they were written."""
LETTERS = SOURCE / "templates" / "letters"
ROOT = Path(__file__).parent.parent
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/*.*")]

KINDS_TABLE, ROLES_TABLES = "rules/letter_kinds.py", ("rules/directions.py", "rules/permissions.py")
ALSO_STATES = {
    "rules/lifecycle.py": {*lifecycle.State, *lifecycle.FileState, *lifecycle.AUDIT_STEPS},
    "models/transfer.py": {*lifecycle.State},  # in a constraint of the table, as its migration wrote it
    "models/letter.py": {"withdrawn"},  # the state of a letter
    "pages/oversee/labels.py": {*lifecycle.AUDIT_STEPS, "withdrawn"},  # the labels of the steps and states
    "pages/oversee/transfers.py": {"erased", "withdrawn"},  # values of a page
    "pages/oversee/acts.py": {"withdrawn"},  # what was done, as the next page says it
    "pages/status.py": {"withdrawn"},
    "pages/upload.py": {"received"},
    "pages/own_case.py": {"withdrawn"},
    "actions/transitions.py": {"received"},  # the step
    "rules/paths.py": {"received", "lost-link"},  # which way bytes pass; a path
    "rules/sign_in.py": {"break-glass"},  # a value of a setting
    "conf/sign_in_readers.py": {"break-glass"},
    "conf/sign_in_table.py": {"break-glass"},
    "management/commands/admin.py": {"break-glass"},
    "urls.py": {"lost-link"},
    "streams/form.py": {"received"},  # a member of an answer in JSON
}
"""Where a word that is also a kind is the word of something else: a state, a step, a value of a page."""
ALSO_FIELDS = {
    "letters/context.py": {"sender", "recipient", "approver"},
    "letters/notices.py": {"recipient"},
    "actions/limits.py": {"sender"},
    "pages/prefilled_link.py": {"approver"},  # a field of a link
}
"""Where the word of a role is a value of the letters' templates, or what a limit is of."""
ALSO_WORDS = {"management/commands/letter.py": {"send-again"}, "urls.py": {"send-again"}}
"""Where the word of something that a role may do is a word of the command line, or of a path."""
FIXED = {
    *("link_keys", "code_keys"),  # derived from the secret key
    *("max_files", "max_files_ever", "max_unfinished", "upload_idle", "promise_lasts"),
    "file_letters_per_hour",
}
"""Fields of the policy that no setting has."""
MAKING = {Name.DATA_DIR, Name.BLOB_URL, Name.SECRET_KEY}
"""Settings whose default makes a folder or a key, or lies in it."""
OF_CADDY = {"FILSLUSS_SITE", "FILSLUSS_UPSTREAM", "FILSLUSS_PAGES", "FILSLUSS_OTHERS"}
"""Variables of the Caddyfile, which Caddy reads and the service does not."""


def name_of(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def strings(path: Path) -> Iterator[tuple[str, ast.Constant]]:
    """Every string of the module and its node, but not docstrings, and not the `step` of an audit entry."""
    tree = ast.parse(path.read_text())
    left_out = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) or (isinstance(node, ast.keyword) and node.arg == "step")
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
            yield node.value, node


def named_in(text: str, words: set[str]) -> set[str]:
    """The words that the text is, or begins a key with; those with a hyphen also anywhere within it."""
    return {
        word
        for word in words
        if text.removesuffix(":") == word or ("-" in word and re.search(rf"(?<![\w-]){word}(?![\w-])", text))
    }


def written_out(words: set[str], tables: tuple[str, ...], also: dict[str, set[str]]) -> list[str]:
    """Where one of the words stands outside the tables and known places."""
    return sorted(
        f"{name_of(path)}:{node.lineno} {text}"
        for path in MODULES
        if name_of(path) not in tables
        for text, node in strings(path)
        if named_in(text, words) - also.get(name_of(path), set())
    )


def test_a_word_is_found_as_a_whole_or_within_a_key_or_a_sentence():
    words = {"file-ready", "sender"}
    texts = (
        "sender",
        "sender:",
        "the sender",
        "file-ready",
        "x:file-ready:y",
        "file-ready-made",
        "files-ready",
    )
    assert [text for text in texts if named_in(text, words)] == [*texts[:2], *texts[3:5]]


def test_no_kind_of_letter_is_written_out_but_in_the_table():
    assert written_out({*LetterKind}, (KINDS_TABLE,), ALSO_STATES) == []


def test_a_kind_that_is_compared_or_asked_for_is_never_a_string():
    """Also where its word is known as a state or a step."""
    found = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and (node.arg or "").endswith("letter__kind"):
                found += [name_of(path)] if isinstance(node.value, ast.Constant) else []
            if isinstance(node, ast.Compare) and ast.unparse(node.left) == "letter.kind":
                found += [each for each in node.comparators if isinstance(each, ast.Constant)]
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("compose.write", "Notice")):
                found += [name_of(path) for each in node.args if isinstance(each, ast.Constant)]
    assert found == []


OF_FIXED_WORDS = {
    *("state", "erased_because", "receipts", "direction", "role", "proof", "delivery"),
}
"""Columns whose values are those of an enumeration."""


def compared_with_a_string(tree: ast.Module) -> Iterator[str]:
    """Each condition or change of such a column that writes its value out; not in a constraint of a table."""
    tables = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == "Meta"]
    left_out = {id(each) for table in tables for each in ast.walk(table)}
    for node in ast.walk(tree):
        if id(node) in left_out:
            continue
        if isinstance(node, ast.keyword) and node.arg:
            is_one = node.arg.removesuffix("__in").rpartition("__")[2] in OF_FIXED_WORDS
            values = [node.value] if is_one else []
        elif isinstance(node, ast.Compare):
            is_one = isinstance(node.left, ast.Attribute) and node.left.attr in OF_FIXED_WORDS
            values = node.comparators if is_one else []
        else:
            continue
        values = [each for value in values for each in getattr(value, "elts", [value])]
        if any(
            isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value for each in values
        ):
            yield ast.unparse(node)


def test_a_column_of_fixed_words_is_never_compared_with_a_string():
    odd = [
        "f(state='open')",
        "f(file__state__in=('ready', x))",
        "if letter.delivery == 'sent': ...",
        "a.role in ('x',)",
    ]
    assert [line for line in odd if not list(compared_with_a_string(ast.parse(line)))] == []
    assert list(compared_with_a_string(ast.parse("f(state=State.OPEN, reason='x'); a.role == ''"))) == []
    found = {name_of(path): list(compared_with_a_string(ast.parse(path.read_text()))) for path in MODULES}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_no_template_compares_a_kind():
    compared = [
        name_of(path)
        for path in (SOURCE / "templates").rglob("*.*")
        if re.search(r"\bkind [!=]= ", path.read_text())
    ]
    assert compared == []


def test_the_table_has_a_row_for_every_kind_and_every_kind_has_its_templates():
    assert list(KINDS) == list(LetterKind)
    written = {kind for kind, traits in KINDS.items() if traits.is_written}
    for language in LANGUAGES:
        folder = LETTERS / language
        assert {path.stem for path in (*folder.glob("*.txt"), *folder.glob("notices/*.txt"))} == written


def test_every_kind_that_is_written_is_named_by_what_writes_it():
    """One that nothing names would have a text and a row, and never leave."""
    named = {
        node.attr
        for path in MODULES
        if name_of(path) != KINDS_TABLE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "LetterKind"
    }
    assert {kind.name for kind, traits in KINDS.items() if traits.is_written} - named == set()


def test_no_role_is_written_out_but_in_its_table():
    assert written_out({*Role, *StaffRole, BY_RULE}, ROLES_TABLES, ALSO_FIELDS) == []


def test_nothing_that_a_role_may_do_is_written_out_but_in_its_table():
    assert written_out({*Act}, ("rules/permissions.py",), ALSO_WORDS) == []


def test_templates_compare_a_role_with_one_that_there_is():
    """They are the words for each role, so that they name them."""
    named = {
        word
        for path in (SOURCE / "templates").rglob("*.*")
        for word in re.findall(r"\b(?:lost_)?role [!=]= [\"'](\w+)[\"']", path.read_text())
    }
    assert named == {*Role}


@pytest.mark.parametrize(
    ("places", "words"), [(ALSO_STATES, {*LetterKind}), (ALSO_FIELDS, {*Role}), (ALSO_WORDS, {*Act})]
)
def test_what_is_let_through_is_there(places: dict[str, set[str]], words: set[str]):
    """An exception that nothing needs any more would hide a mistake."""
    for name, known in places.items():
        assert any(named_in(text, known & words) for text, _ in strings(SOURCE / name)), name


SETTING = re.compile(r"(?<![A-Z_])FILSLUSS_[A-Z][A-Z0-9_]*")


def test_no_name_of_a_setting_is_written_out_but_in_the_table():
    """Messages take it from there, too, so that none names a setting that was renamed."""
    found = [
        f"{name_of(path)}:{node.lineno} {text}"
        for path in MODULES
        if name_of(path) != "conf/names.py"
        for text, node in strings(path)
        if SETTING.search(text) or text in {name.removeprefix(PREFIX) for name in Name if "_" in text}
    ]
    assert found == []


def test_only_what_reads_the_environment_knows_how_the_names_begin():
    """`reading` refuses what is unknown; demo and help take every setting of an installation away."""
    knowing = {name_of(path) for path in MODULES for text, _ in strings(path) if text == PREFIX}
    assert knowing == {"conf/names.py"}
    using = {
        name_of(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "filsluss.conf.names"
        if "PREFIX" in {alias.name for alias in node.names}
    }
    assert using == {
        "conf/reading.py",
        "server/demo_settings.py",
        "server/placeholder_settings.py",
    }


def test_what_docstrings_letters_and_documents_call_a_setting_is_one():
    """Letters to administrators are templates, which say the name as it is typed."""
    places = [*SOURCE.rglob("*.py"), *LETTERS.rglob("*.txt"), *DOCUMENTS]
    known = {*Name, *(name.of_file for name in Name), *OF_CADDY}
    named = {(path.name, word) for path in places for word in SETTING.findall(path.read_text())}
    assert len(named) > 100
    assert sorted(each for each in named if each[1] not in known) == []


def test_every_setting_has_one_row_and_those_of_the_policy_have_its_defaults(
    monkeypatch: pytest.MonkeyPatch,
):
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    assert sorted(row.name for row in TABLE) == sorted(Name)
    fields = {field.name: field for field in dataclasses.fields(Policy)}
    of_table = {row.policy: row for row in TABLE if row.policy}
    assert set(fields) - set(of_table) == FIXED
    values: dict[Name, Any] = {}
    for row in TABLE:
        values[row.name] = None if row.is_required or row.name in MAKING else read(row, values)
        if row.policy and not row.is_required:
            default = fields[row.policy].default
            if default is dataclasses.MISSING:
                default = fields[row.policy].default_factory()
            assert values[row.name] == default, row.name

"""What docs/security.md and docs/promises.md claim: every test they name is there, no threat is left out."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")
THREATS = {"A": 11, "B": 15, "C": 12, "D": 19, "E": 10, "F": 12, "G": 5}


def names_in(path):
    """Every test of a file, those of classes with it."""
    tree = ast.parse((ROOT / "tests" / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("document", ["security.md", "promises.md"])
def test_every_test_that_is_named_is_there(document):
    named = set(NAMED.findall((ROOT / "docs" / document).read_text()))
    assert len(named) > 10
    assert sorted(f"{path}::{name}" for path, name in named if name not in names_in(path)) == []


def test_every_threat_has_its_row_with_a_test_or_a_word_why_not():
    rows = dict(re.findall(r"^\| ([A-G]\d+) \|(.*)$", (ROOT / "docs/security.md").read_text(), re.MULTILINE))
    assert list(rows) == [f"{letter}{n}" for letter, last in THREATS.items() for n in range(1, last + 1)]
    assert [name for name, row in rows.items() if not NAMED.search(row) and "**not met**" not in row] == []


def test_every_promise_has_its_tests():
    text = (ROOT / "docs/promises.md").read_text()
    parts = re.split(r"^## P(\d)", text, flags=re.MULTILINE)
    assert parts[1::2] == [str(n) for n in range(1, 10)]
    assert [
        number for number, part in zip(parts[1::2], parts[2::2], strict=True) if not NAMED.search(part)
    ] == []

"""What commands print: no text of a stranger can hide, turn around or command anything in a terminal."""

import ast
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

import filsluss
from filsluss.actions.integrity.findings import Finding
from filsluss.actions.integrity.repair import FOUND, ReportLine
from filsluss.logs import printable, quoted
from filsluss.management.commands import reconcile
from filsluss.models import AuditEntry, Letter, Party, Transfer, TransferFile
from filsluss.ops import checks
from tests.pages.cases import open_transfer, ready_file

COMMANDS = Path(filsluss.__file__).parent / "management" / "commands"
NASTY = "a\x1b[2J\x9b31m\u202eb\u200bc\u2066d\u00ade\ufefff\x7f\x85g\nforged\r\u2028\U000e0041h"
SHOWN = r"a\u001b[2J\u009b31m\u202eb\u200bc\u2066d\u00ade\ufefff\u007f\u0085g\nforged\r\u2028\U000e0041h"


def run(name, *words, **options):
    out = StringIO()
    call_command(name, *words, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def nasty(db):
    """A case in which every text of a stranger is nasty."""
    file = ready_file(open_transfer())
    Transfer.objects.update(purpose=NASTY, rejection_reason=NASTY, closed_reason=NASTY)
    Party.objects.update(name=NASTY, address=f"{NASTY}@rontgen.example")
    TransferFile.objects.update(name=NASTY)
    Letter.objects.update(last_error=NASTY, to=f"{NASTY}@rontgen.example")
    AuditEntry.objects.update(reason=NASTY, person=f"os:{NASTY}")
    return file


def test_escaped_is_what_is_not_seen_and_nothing_else():
    assert printable(NASTY) == SHOWN
    assert printable("Ritning åäö 😀 %s\\") == "Ritning åäö 😀 %s\\"
    assert quoted(NASTY) == f'"{SHOWN}"'


def test_show_and_list_print_what_strangers_typed_escaped(nasty):
    shown = run("show", nasty.transfer.public_id) + run("list")
    assert [char for char in shown if not char.isprintable() and char != "\n"] == []
    assert [line for line in shown.splitlines() if line.startswith("forged")] == []
    assert shown.count(SHOWN) >= 9


def test_check_and_reconcile_print_their_findings_escaped(monkeypatch, db):
    found = ReportLine(FOUND, Finding("I0", NASTY))
    monkeypatch.setattr(reconcile, "reconcile", lambda *args, **options: [found])
    monkeypatch.setattr(
        "filsluss.management.commands.check.run_checks",
        lambda **options: [checks.Finding("mail server", False, NASTY)],
    )
    for name in ("reconcile", "check"):
        out = StringIO()
        with pytest.raises(SystemExit):
            call_command(name, stdout=out)
        assert out.getvalue().rstrip("\n").endswith(SHOWN)


@pytest.mark.parametrize("words", [["show"], ["close", "--reason=x"], ["remove", "--reason=x"]])
def test_the_error_of_a_command_repeats_its_argument_escaped(words, db):
    with pytest.raises(CommandError) as error:
        call_command(words[0], NASTY, *words[1:])
    assert str(error.value).endswith(SHOWN)


def test_a_command_prints_by_one_function_only():
    """The demo's own words and the worker's warning hold nothing that anybody typed."""
    written = {
        path.stem
        for path in COMMANDS.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        if ast.unparse(node.func) in ("print", "self.stdout.write", "self.stderr.write")
    }
    assert written == {"demo", "worker"}

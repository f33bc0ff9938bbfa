"""The identifiers that others rest on: the documented list is what the program writes, and nothing else."""

import ast
import re
from pathlib import Path

import filsluss
from filsluss import outages
from filsluss.actions import alarms
from filsluss.models.letter import Delivery
from filsluss.pages import error_messages
from filsluss.pages.oversee import labels
from filsluss.rules import lifecycle, security_events
from filsluss.rules.directions import BY_RULE, Direction, Proof, Role
from filsluss.rules.letter_kinds import KINDS
from filsluss.rules.permissions import StaffRole
from filsluss.rules.refusals import STATUS
from filsluss.rules.smtp_answers import Failure

SOURCE = Path(filsluss.__file__).parent
DOCUMENT = Path(__file__).parent.parent / "docs" / "identifiers.md"


def section(heading: str) -> str:
    (text,) = re.findall(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL
    )
    return text


def listed(text: str) -> list[str]:
    """Identifiers in code marks; not names of files, headers and types."""
    return re.findall(r"`([a-z_-]+)`", text)


def row(heading: str, first: str) -> list[str]:
    (line,) = [line for line in section(heading).splitlines() if line.startswith(f"| {first} |")]
    return listed(line)


def first_column(heading: str) -> list[str]:
    rows = [line.split("|")[1] for line in section(heading).splitlines() if line.startswith("| `")]
    return [word for cell in rows for word in listed(cell)]


def calls(name: str):
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name:
                yield path, node


def test_states_ways_roles_and_proofs_are_listed():
    assert listed(section("States of a transfer")) == [*lifecycle.State]
    assert listed(section("States of a file")) == [*lifecycle.FileState]
    assert listed(section("States of a letter")) == [*Delivery.values]
    heading = "Ways, roles and proofs"
    assert row(heading, "way") == [*Direction]
    assert row(heading, "role of a party") == [*Role]
    assert row(heading, "role in the trail that is no party's") == [*StaffRole, BY_RULE]
    assert row(heading, "proof of a party, each stronger than the one before") == [*Proof]
    assert row(heading, "receipts that a sender chooses") == [*lifecycle.Receipts]


def test_every_step_of_the_trail_is_listed_and_has_a_label():
    steps = first_column("Steps in the audit trail")
    assert sorted(steps) == sorted(lifecycle.AUDIT_STEPS)
    assert [
        step for step in steps if labels.step_label(step) == step and step not in ("approved", "rejected")
    ] == []


def test_nothing_is_written_into_the_trail_under_a_step_that_is_not_listed():
    written = set()
    for _, call in (*calls("record_audit"), *calls("record_each"), *calls("record_files"), *calls("entry")):
        steps = [keyword.value for keyword in call.keywords if keyword.arg == "step"]
        constants = [node for step in steps for node in ast.walk(step) if isinstance(node, ast.Constant)]
        written |= {node.value for node in constants}
    fixed = {step for step in written if not step.endswith("-")}
    assert fixed <= lifecycle.AUDIT_STEPS
    assert {"received", "ready", "fetched", "file-erased"} <= fixed


def test_reason_codes_are_listed():
    assert first_column("Reason codes") == [*lifecycle.ErasedBecause]


def test_every_letter_kind_is_listed():
    told, no_longer = section("Letter kinds").split("No longer written:")
    written = [kind for kind, traits in KINDS.items() if traits.is_written]
    assert listed(told) == written
    assert set(listed(no_longer)) - {*written} == {*KINDS} - {*written}


def test_why_a_letter_did_not_arrive_is_listed():
    assert listed(section("Why a letter did not arrive")) == [*Failure, "expired", "fault"]


def test_every_kind_and_outcome_of_a_security_event_is_listed_and_has_a_label():
    kinds, outcomes = section("Security events").split("Outcomes:")
    assert listed(kinds) == [*security_events.Kind]
    assert listed(outcomes) == [*security_events.Outcome]
    tree = ast.parse((SOURCE / "pages" / "oversee" / "labels.py").read_text())
    keys = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert {*security_events.Kind, *security_events.Outcome} <= keys


def test_every_alarm_is_listed():
    assert listed(section("Alarms")) == [*alarms.CHECKS]
    explained = (
        DOCUMENT.with_name("operations.md").read_text().partition("\nAlarms are: ")[2].partition("\n\n")[0]
    )
    assert sorted(re.findall(r"\(`([a-z-]+)`\)", explained)) == sorted(alarms.CHECKS)


def test_every_listed_event_of_the_log_is_one_that_is_written():
    written = [ast.unparse(call.args[0]) for _, call in calls_of_the_log()]
    source = "\n".join(written)
    names = [outages.database.name, outages.store.name]
    begins, ends = (
        [f"{name} {words}" for name in names] for words in ("did not answer", "answers again after … s")
    )
    refused = [f"{each.name} {each.fault}" for each in (outages.room, outages.slow)]
    fixed = [*refused, "open", "letter sent", "security event", "alarm: …", "alarm over: …"]
    rows = [line for line in section("Events of the log").splitlines() if line.startswith("| `")]
    found = [event for line in rows for event in re.findall(r"`([^`]+)`", line.split("|")[1])]
    assert sorted(found) == sorted([*fixed, *begins, *ends])
    for event in ("open", "letter sent", "security event", "alarm: ", "alarm over: "):
        assert f"'{event}" in source, event
    assert outages.database.fault == "did not answer"
    assert "'%s %s'" in source
    assert "'%s answers again after %.0f s'" in source


def calls_of_the_log():
    for level in ("info", "warning", "error"):
        yield from ((path, call) for path, call in calls(level) if call.args)


def test_every_problem_of_uploads_and_downloads_is_listed_with_its_status():
    rows = re.findall(
        r"^\| (\d{3}) \| (.*) \|$", section("Problem codes of uploads and downloads"), re.MULTILINE
    )
    assert {code: int(status) for status, codes in rows for code in listed(codes)} == STATUS


def test_every_problem_of_a_form_is_listed_and_has_its_words():
    known = {name.rpartition(".")[2] for name in error_messages.every_message({})}
    codes = {code for line in section("Problem codes of forms").splitlines() for code in listed(line)}
    assert codes == known

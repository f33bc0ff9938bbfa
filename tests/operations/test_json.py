"""What programs read: the log and three commands as JSON, with the same facts as for people."""

import json
import logging
import sys
from io import StringIO

import pytest
from django.core.management import call_command

from filsluss import logs
from filsluss.ops import checks
from filsluss.version import program_version
from tests.operations.test_logs import TOKEN, read
from tests.operations.test_terminal import NASTY, nasty, run
from tests.pages.cases import ANNA, BO, applied, open_transfer, ready_file

__all__ = ["nasty"]  # a fixture


def record(message="path %s", *args, exc_info=None, **facts):
    made = logging.LogRecord("filsluss.test", logging.WARNING, __file__, 1, message, args, exc_info)
    made.created, made.facts = 1795508447.123, facts
    return made


def test_a_line_of_json_holds_the_facts_of_the_pairs():
    try:
        raise ValueError("a\nb")
    except ValueError:
        made = record("it %s", "failed", exc_info=sys.exc_info(), tries=3, whole=True, took=0.5)
    found = json.loads(logs.formatter("json").format(made))
    assert {name: str(value) for name, value in found.items()} == read(logs.formatter("pairs").format(made))
    assert (found["at"], found["tries"], found["whole"]) == ("2026-11-24T08:20:47.123Z", 3, True)


@pytest.mark.parametrize("text", [NASTY, '"}\n{"at": "', "\ud800", "", float("nan")])
def test_no_text_leaves_its_line_or_its_value(text):
    line = logs.formatter("json").format(record("told", value=text))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["value"] == str(text)


def test_secrets_are_masked_in_json_too():
    line = logs.formatter("json").format(record("GET %s", f"/upload/{TOKEN}/files/x", url="smtp://a:b@mail"))
    assert (json.loads(line)["event"], json.loads(line)["url"]) == (
        "GET /upload/***/files/x",
        "smtp://***@mail",
    )


def test_list_and_show_tell_the_same_as_json(nasty):
    waiting = applied(BO, ANNA)
    newest, oldest = (json.loads(line) for line in run("list", json=True).splitlines())
    assert (newest["id"], newest["state"], newest["last_day"]) == (waiting.public_id, "pending", None)
    assert (oldest["id"], oldest["files"]) == (nasty.transfer.public_id, 1)
    assert oldest["sender"] == f"{NASTY}@rontgen.example"
    assert set(newest) == set(oldest)
    told = run("show", nasty.transfer.public_id, json=True)
    assert (told.count("\n"), told.isascii()) == (1, True)
    case = json.loads(told)
    assert [party["role"] for party in case["parties"]] == ["sender", "recipient"]
    assert (case["files"][0]["name"], case["files"][0]["state"]) == (NASTY, "ready")
    assert {letter["to"] for letter in case["letters"]} == {f"{NASTY}@rontgen.example"}
    assert {"applied", "ready"} <= {entry["step"] for entry in case["trail"]}


def test_a_case_as_json_carries_no_token(db):
    transfer = open_transfer()
    ready_file(transfer, with_code=True)
    told = run("show", transfer.public_id, json=True)
    assert told.strip() == logs.masked(told.strip())


@pytest.mark.parametrize("is_ok", [True, False])
def test_check_says_the_version_and_what_is_wrong_as_json(monkeypatch, is_ok):
    findings = [checks.Finding("clock", True, "right"), checks.Finding("mail server", is_ok, NASTY)]
    monkeypatch.setattr("filsluss.management.commands.check.run_checks", lambda **options: findings)
    out = StringIO()
    if is_ok:
        call_command("check", json=True, stdout=out)
    else:
        with pytest.raises(SystemExit):
            call_command("check", json=True, stdout=out)
    found = json.loads(out.getvalue())
    assert (found["version"], found["ok"]) == (program_version(), is_ok)
    assert found["findings"][1] == {"part": "mail server", "ok": is_ok, "text": NASTY}


def test_check_says_the_version_for_people_too(db):
    assert program_version() in checks.check_tables()


@pytest.mark.postgresql_if_full
def test_the_log_of_a_whole_service_is_json(make_service):
    service = make_service(LOG="json").start()
    service.get("/finns-inte")
    service.stop()
    lines = [json.loads(line) for line in service.log_text().splitlines() if not line.startswith("Filsluss")]
    assert "open" in [line["event"] for line in lines]
    assert all({"at", "level", "from", "event"} <= set(line) for line in lines)

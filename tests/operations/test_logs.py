"""One line for each event, which a program can parse, with no terminal escapes and no secret in any."""

import json
import logging
import re
import sys

import pytest

from filsluss.logs import LineFormatter, masked

PAIR = re.compile(r'([a-z]+)=("(?:[^"\\]|\\.)*"|[^\s"]+)(?: |$)')


def read(line):
    """The line as its pairs; every character of it belongs to one."""
    pairs = PAIR.findall(line)
    assert "".join(match.group(0) for match in PAIR.finditer(line)) == line
    return {name: json.loads(value) if value.startswith('"') else value for name, value in pairs}


def line_of(message, *args, exc_info=None, **facts):
    record = logging.LogRecord("filsluss.test", logging.WARNING, __file__, 1, message, args, exc_info)
    record.created, record.facts = 1795508447.123, facts
    return LineFormatter().format(record)


def test_a_line_is_pairs_with_the_time_in_utc():
    head = "at=2026-11-24T08:20:47.123Z level=warning from=filsluss.test"
    assert (
        line_of("letter %s waits", "K7PM-4QXD", tries=3) == f'{head} event="letter K7PM-4QXD waits" tries=3'
    )


@pytest.mark.parametrize(
    "evil",
    [
        "a\nat=1 level=info",
        "\x1b[31mröd",
        'a" event="b',
        "a\\",
        "\u2028\x85\x0b\x0c",
        "\u202egnp.exe",
        "\ud800",
        "",
    ],
)
def test_untrusted_text_stays_within_its_value_and_its_line(evil):
    line = line_of("path %s", evil, path=evil)
    assert line.isprintable()
    found = read(line)
    assert list(found) == ["at", "level", "from", "event", "path"]
    assert found["path"] == evil


def test_a_traceback_is_one_value_of_the_line():
    try:
        raise ValueError("a\nb")
    except ValueError:
        line = line_of("it failed", exc_info=sys.exc_info())
    assert line.isprintable()
    assert read(line)["traceback"].endswith("ValueError: a\nb")


TOKEN = "Zk3_9-aB" * 5 + "xyz"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"GET /upload/{TOKEN}/files/x", "GET /upload/***/files/x"),
        (f"/download/{TOKEN[:40]}/a.pdf", "/download/***/a.pdf"),
        (f"token {TOKEN}.", "token ***."),
        ("K7PM-4QXD-9T2V", "***"),
        ("kod K7PM4QXD9T2V!", "kod ***!"),
        ("smtp://fts:hemligt@mail.example:587", "smtp://***@mail.example:587"),
        ("transfer K7PM-4QXD", "transfer K7PM-4QXD"),
        ("a" * 64, "a" * 64),
    ],
)
def test_tokens_codes_and_passwords_are_masked_and_public_ids_and_checksums_are_not(text, shown):
    assert masked(text) == shown

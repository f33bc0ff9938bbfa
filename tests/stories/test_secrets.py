"""What opens a door is in a mailbox and nowhere else: in no row, no file beside the rows, and no log."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from tests.parts.people import (
    FORM,
    FROM_OUTSIDE,
    apply,
    approve,
    download_links,
    path_of,
    reject,
    send_tus,
)  # fmt: skip


@dataclass(frozen=True)
class Body:
    """A letter as its row has it."""

    text: str
    html: str


TOKEN = re.compile(r"/[a-z]+/([A-Za-z0-9_-]{43})")
CODE = re.compile(r"\b[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}\b")


def secrets_in(letters):
    """Every token and code that the letters hold, and the codes also as they are typed."""
    text = "".join(letter.text + letter.html for letter in letters)
    codes = set(CODE.findall(text))
    return set(TOKEN.findall(text)) | codes | {code.replace("-", "") for code in codes}


def rows(house):
    """Every row of every table, as Django writes them out."""
    return house.run("dumpdata", "--all").stdout


def remains(house):
    """What a thief of the data folder gets: SQLite's own files, the journal too, and what else is there."""
    files = [path for path in house.data_dir.rglob("*") if path.is_file() and path.name != "secret_key"]
    return "".join(path.read_bytes().decode("latin-1") for path in files if "static" not in path.parts)


def found(secrets, text):
    return sorted(secret for secret in secrets if secret in text)


@pytest.fixture
def alone(make_house):
    """A house whose worker comes only when it is called."""
    house = make_house()
    house.run("migrate")
    return house.start("web")


@pytest.fixture
def busy(alone, post):
    """An account with two files, one of them with a code, a rejected application and one that waits."""
    upload = apply(alone, FORM, days="7").location
    send_tus(alone, upload, b"en", filename="en.txt", with_code="1")
    send_tus(alone, upload, b"annan", filename="annan.txt")
    apply(alone, FROM_OUTSIDE)
    alone.work()
    reject(alone, post.one("approval-requested"), "Fel mottagare.")
    apply(alone, FROM_OUTSIDE, sender_email="eva@konsult.example")
    alone.work()
    return alone


def test_when_every_letter_has_left_its_row_opens_nothing(busy, post):
    secrets = secrets_in(post.letters)
    assert {len(secret) for secret in secrets} == {12, 14, 43}
    assert len(secrets) >= 10
    assert found(secrets, rows(busy)) == []
    assert found(secrets, busy.log_text()) == []


def test_before_a_letter_has_left_only_the_letter_holds_what_it_opens(alone, post):
    post.shut()
    upload = apply(alone, FORM).location
    send_tus(alone, upload, b"x", with_code="1")
    apply(alone, FROM_OUTSIDE)
    alone.work()
    waiting, held = json.loads(rows(alone)), set()
    for row in waiting:
        held |= secrets_in([Body(row["fields"].pop("text", ""), row["fields"].pop("html", ""))])
    elsewhere = json.dumps(waiting)
    assert path_of(upload).rpartition("/")[2] in held
    assert {len(secret) for secret in held} == {12, 14, 43}
    assert found(held, elsewhere) == []
    post.open()
    alone.work(at=datetime.now(UTC) + timedelta(minutes=2))
    alone.work(at=datetime.now(UTC) + timedelta(minutes=2))
    assert secrets_in(post.letters) >= {secret for secret in held if len(secret) == 43}
    assert found(held, rows(alone)) == []
    assert found(held, alone.log_text()) == []


def test_after_the_end_nothing_that_is_left_opens_anything(busy, post):
    ready = post.wait_for("file-ready", count=2)
    addresses = download_links(busy, ready[0])
    assert len(addresses) == 2
    for address in addresses:
        busy.get(address)
    approve(busy, post.wait_for("approval-requested", count=2)[1], days=1)
    at = datetime.now(UTC) + timedelta(days=9)
    busy.work(at=at)
    assert {letter.kind for letter in post.letters} >= {"erased", "file-downloaded", "approved", "rejected"}
    secrets = secrets_in(post.letters) | set(TOKEN.findall(" ".join(addresses)))
    assert len(secrets) >= 12
    assert busy.run("list", "--state", "open").stdout == ""
    assert found(secrets, rows(busy)) == []
    assert found(secrets, busy.log_text()) == []
    assert found(secrets, remains(busy)) == []

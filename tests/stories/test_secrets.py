"""Links and codes are in a mailbox and nowhere else: in no row, in no other file, and in no log."""

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
)


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


def rows(service):
    """Every row of every table, as Django writes them out, but for what is encrypted in the database.

    That is the code of a pickup, which its sender may see until the file is erased (`remains` looks at it).
    """
    written = json.loads(service.run("dumpdata", "--all").stdout)
    for row in written:
        row["fields"].pop("code_sealed", None)
    return json.dumps(written, ensure_ascii=False)


def remains(service):
    """What a thief of the data folder gets: SQLite's own files, the journal too, and what else is there."""
    files = [path for path in service.data_dir.rglob("*") if path.is_file() and path.name != "secret_key"]
    return "".join(path.read_bytes().decode("latin-1") for path in files if "static" not in path.parts)


def found(secrets, text):
    return sorted(secret for secret in secrets if secret in text)


@pytest.fixture
def busy(web_only, mail_server):
    """An account with two files, one of them with a code, a rejected application and one that waits."""
    upload = apply(web_only, FORM, days="7").location
    send_tus(web_only, upload, b"en", filename="en.txt", with_code="1")
    send_tus(web_only, upload, b"annan", filename="annan.txt")
    apply(web_only, FROM_OUTSIDE)
    web_only.run_worker()
    reject(web_only, mail_server.one("approval-requested"), "Fel mottagare.")
    apply(web_only, FROM_OUTSIDE, sender_email="eva@konsult.example")
    web_only.run_worker()
    return web_only


def test_when_every_letter_has_left_its_row_opens_nothing(busy, mail_server):
    secrets = secrets_in(mail_server.letters)
    assert {len(secret) for secret in secrets} == {12, 14, 43}
    assert len(secrets) >= 9
    assert found(secrets, rows(busy)) == []
    assert found(secrets, busy.log_text()) == []
    codes = {secret for secret in secrets if len(secret) == 12}
    assert found(codes, busy.run("dumpdata", "filsluss.pickup").stdout) == sorted(codes)
    assert found(codes, remains(busy)) == []


def test_before_a_letter_has_left_only_the_letter_holds_what_it_opens(web_only, mail_server):
    mail_server.stop()
    upload = apply(web_only, FORM).location
    send_tus(web_only, upload, b"x", with_code="1")
    apply(web_only, FROM_OUTSIDE)
    web_only.run_worker()
    waiting, held = json.loads(rows(web_only)), set()
    for row in waiting:
        held |= secrets_in([Body(row["fields"].pop("text", ""), row["fields"].pop("html", ""))])
    elsewhere = json.dumps(waiting)
    assert path_of(upload).rpartition("/")[2] in held
    assert {len(secret) for secret in held} == {12, 14, 43}
    assert found(held, elsewhere) == []
    mail_server.start()
    web_only.run_worker(at=datetime.now(UTC) + timedelta(minutes=2))
    web_only.run_worker(at=datetime.now(UTC) + timedelta(minutes=2))
    assert secrets_in(mail_server.letters) >= {secret for secret in held if len(secret) == 43}
    assert found(held, rows(web_only)) == []
    assert found(held, web_only.log_text()) == []


def test_after_the_end_nothing_that_is_left_opens_anything(busy, mail_server):
    ready = mail_server.wait_for("file-ready", count=2)
    addresses = download_links(busy, ready[0])
    assert len(addresses) == 2
    for address in addresses:
        busy.get(address)
    approve(busy, mail_server.wait_for("approval-requested", count=2)[1], days=1)
    at = datetime.now(UTC) + timedelta(days=9)
    busy.run_worker(at=at)
    assert {letter.kind for letter in mail_server.letters} >= {
        "erased",
        "files-downloaded",
        "approved",
        "rejected",
    }
    secrets = secrets_in(mail_server.letters) | set(TOKEN.findall(" ".join(addresses)))
    assert len(secrets) >= 12
    assert busy.run("list", "--state", "open").stdout == ""
    assert found(secrets, rows(busy)) == []
    assert found(secrets, busy.log_text()) == []
    assert found(secrets, remains(busy)) == []

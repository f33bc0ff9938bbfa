"""A COMMIT whose answer is lost: it counts, and may be asked for again; nothing comes twice."""

import hashlib
import os
from dataclasses import dataclass

import pytest

from tests.parts.eventually import eventually
from tests.parts.invariants import wait_until_idle
from tests.parts.mail_server import MailServer
from tests.parts.people import (
    FORM,
    FROM_OUTSIDE,
    announce,
    append,
    apply,
    metadata,
    path_of,
)
from tests.parts.postgres_proxy import PostgresProxy
from tests.parts.seaweed import ACCESS_KEY, SECRET_KEY
from tests.parts.service import Service
from tests.parts.storage import rows
from tests.streams.test_connection import TUS, await_ready, listed

pytestmark = [pytest.mark.live]
BUCKET = "commits"
MIB = 1 << 20
SMALL = b"a small file"
NEW_FILE = r'INSERT INTO "?filsluss_transferfile'
FILE_CHANGED = r'UPDATE "filsluss_transferfile"'


@dataclass(frozen=True)
class Installation:
    service: Service
    proxy: PostgresProxy
    mail_server: MailServer


@pytest.fixture(scope="module")
def installed(tmp_path_factory, seaweed, server):
    mail_server = MailServer()
    mail_server.start()
    seaweed.make_bucket(BUCKET)
    with server.migrated_database(BUCKET) as database:
        proxy = PostgresProxy(database)
        service = Service(
            tmp_path_factory.mktemp("commits") / "data",
            DATABASE_URL=proxy.url,
            BLOB_URL=seaweed.url(BUCKET),
            S3_ACCESS_KEY=ACCESS_KEY,
            S3_SECRET_KEY=SECRET_KEY,
            SECRET_KEY="a key of its own for this installation",
            SMTP_URL=mail_server.url,
        )
        try:
            yield Installation(service.start(), proxy, mail_server)
        finally:
            service.tear_down()
            proxy.close()
            mail_server.stop()
            seaweed.drop_bucket(BUCKET)


@pytest.fixture
def service(installed):
    yield installed.service
    wait_until_idle(installed.service)
    said = installed.service.run("reconcile", "--dry-run", "--checksums").stdout
    assert said.startswith("Blob store and database agree"), said


@pytest.fixture
def proxy(installed):
    return installed.proxy


@pytest.fixture
def account(service):
    return apply(service, FORM).location


def create_whole(service, account):
    about = {"Upload-Length": str(len(SMALL)), "Upload-Metadata": metadata(filename="fil.bin")}
    kind = {"Content-Type": "application/offset+octet-stream"}
    return service.request("POST", f"{account}/files", SMALL, {**TUS, **about, **kind})


def letters(installed, account, kind="file-ready"):
    """Those of that kind about the account's transfer."""
    name = rows(
        installed.service,
        "SELECT t.public_id FROM filsluss_transfer t JOIN filsluss_transferfile f ON f.transfer_id = t.id"
        f" WHERE f.upload_id = '{listed(installed.service, account)[0]['id']}'",
    )[0][0]
    return [letter for letter in installed.mail_server.of(kind) if letter.transfer == name]


def test_a_file_that_was_announced_is_there_once_and_takes_its_bytes(service, proxy, account):
    proxy.lose(NEW_FILE)
    answer = announce(service, account, MIB)
    assert proxy.lost == 1
    assert answer.status == 201, answer.text
    assert [file["offset"] for file in listed(service, account)] == [0]
    data = os.urandom(MIB)
    assert append(service, answer.location, 0, data).status == 204
    assert await_ready(service, account)["sha256"] == hashlib.sha256(data).hexdigest()


def test_a_small_file_that_was_received_at_once_is_there_once(installed, service, proxy, account):
    proxy.lose(NEW_FILE)
    answer = create_whole(service, account)
    assert proxy.lost == 1
    assert answer.status == 201, answer.text
    assert await_ready(service, account)["sha256"] == hashlib.sha256(SMALL).hexdigest()
    assert len(listed(service, account)) == 1
    wait_until_idle(service)
    assert len(letters(installed, account)) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO filsluss_blob",
        "INSERT INTO filsluss_part",
        "UPDATE filsluss_blob SET epoch",
        "UPDATE filsluss_blob SET holder = ''",
        FILE_CHANGED,
        "'received'|INSERT INTO .filsluss_auditentry",
    ],
)
def test_an_upload_goes_on_where_it_was(installed, service, proxy, account, statement):
    data = os.urandom(3 * MIB)
    proxy.lose(statement)
    if (created := announce(service, account, len(data))).status != 201:
        assert created.status == 503, created.text
        created = announce(service, account, len(data))
    where = created.location
    for end in (MIB, len(data)):
        answers = []
        while (offset := offset_of_patiently(service, where)) < end and len(answers) < 3:
            answers.append(append(service, where, offset, data[offset:end]).status)
        assert set(answers) <= {204, 503}, answers
    assert proxy.lost == 1
    assert await_ready(service, account)["sha256"] == hashlib.sha256(data).hexdigest()
    assert len(listed(service, account)) == 1
    wait_until_idle(service)
    assert len(letters(installed, account)) == 1


def offset_of_patiently(service, where):
    answer = eventually(
        lambda: service.request("HEAD", where, headers=TUS), lambda answer: answer.status != 503
    )
    return int(answer.headers["Upload-Offset"])


def test_an_application_that_is_sent_again_is_one(installed, service, proxy):
    to = "bo-applied@rontgen.example"
    form = {**FORM, "recipient_email": to, "form_value": "0123456789abcdef0123456789abcdef"}
    proxy.lose('INSERT INTO "filsluss_transfer"')
    first = service.post("/", form)
    assert proxy.lost == 1
    assert first.status in (303, 503), first.text
    second = service.post("/", form)
    assert second.status == 303
    found = rows(
        service,
        "SELECT count(DISTINCT transfer_id) FROM filsluss_party WHERE address = 'bo-applied@rontgen.example'",
    )
    assert found == [(1,)]


def test_a_decision_that_is_sent_again_counts_once(installed, service, proxy):
    sender = "bo-decided@rontgen.example"
    apply(service, FROM_OUTSIDE, sender_email=sender)
    asked = eventually(
        lambda: (
            [each for each in installed.mail_server.of("approval-requested") if sender in each.text]
            or installed.mail_server.of("approval-requested")
        )
    )[-1]
    (link,) = asked.links("decide")
    proxy.lose('UPDATE "filsluss_transfer"')
    first = service.post(path_of(link), {"decision": "approve", "days": "7"})
    assert proxy.lost == 1
    assert first.status in (303, 503), first.text
    again = service.post(path_of(link), {"decision": "approve", "days": "7"})
    assert again.status in (303, 409, 410), again.status
    wait_until_idle(service)
    assert len(installed.mail_server.of("approved", to=sender)) == 1


@pytest.mark.full  # a claim that nobody knows of lasts a minute
@pytest.mark.parametrize("statement", ['"claimed_by" = [^,]*, "claim', '"delivery" = '])
def test_a_letter_leaves_once(installed, service, proxy, statement):
    to = f"bo-letter-{len(statement)}@rontgen.example"
    account = apply(service, FORM, recipient_email=to).location
    where = announce(service, account, 5).location
    wait_until_idle(service)
    proxy.lose(f'^UPDATE "filsluss_letter" SET .*{statement}')
    append(service, where, 0, b"hello")
    eventually(lambda: proxy.lost)
    wait_until_idle(service)
    assert len(installed.mail_server.of("file-ready", to=to)) == 1


def test_an_erasure_is_told_once(installed, service, proxy):
    to = "bo-erased@rontgen.example"
    account = apply(service, FORM, recipient_email=to).location
    where = announce(service, account, 5).location
    append(service, where, 0, b"hello")
    await_ready(service, account)
    proxy.lose("DELETE FROM filsluss_blob|'erased'|file-erased", 2)
    assert service.request("DELETE", where, headers=TUS).status in (204, 503)
    eventually(lambda: proxy.lost == 2)
    wait_until_idle(service)
    assert len(installed.mail_server.of("file-removed", to=to)) == 1

"""A store that fails in each of the ways stores do: the client hears where to go on, and no file is bad."""

import contextlib
import hashlib
import http.client
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Thread

import pytest

from tests.operations.test_logs import read
from tests.parts.eventually import eventually
from tests.parts.faulty_store import FaultyStore
from tests.parts.invariants import wait_until_idle
from tests.parts.mail_server import MailServer
from tests.parts.people import FORM, FROM_OUTSIDE, announce, append, apply, download_links, fetch, offset_of
from tests.parts.seaweed import ACCESS_KEY, SECRET_KEY
from tests.parts.service import Service
from tests.streams.test_connection import TUS, await_ready, listed

pytestmark = [pytest.mark.live]
BUCKET = "faults"
MIB, PART = 1 << 20, 8 << 20
ROOM = 32 * MIB
SLOW_DELAY, SLOW_RATE = 0.2, 64 << 10
AT_ONCE = 4
"""So many uploads, and so many downloads, have a thread."""


@dataclass(frozen=True)
class Installation:
    service: Service
    store: FaultyStore
    mail_server: MailServer


@pytest.fixture(scope="module")
def installed(tmp_path_factory, seaweed, server):
    store, mail_server = FaultyStore(seaweed.port), MailServer()
    mail_server.start()
    seaweed.make_bucket(BUCKET)
    with server.migrated_database(BUCKET) as database:
        service = Service(
            tmp_path_factory.mktemp("faults") / "data",
            DATABASE_URL=database,
            BLOB_URL=seaweed.url(BUCKET, port=store.port),
            S3_ACCESS_KEY=ACCESS_KEY,
            S3_SECRET_KEY=SECRET_KEY,
            SECRET_KEY="a key of its own for this installation",
            SMTP_URL=mail_server.url,
            THREADS=str(2 * AT_ONCE),
            MAX_TRANSFER_SIZE=str(ROOM),
        )
        try:
            yield Installation(service.start(), store, mail_server)
        finally:
            store.heal()
            service.tear_down()
            store.close()
            mail_server.stop()
            seaweed.drop_bucket(BUCKET)


@pytest.fixture
def store(installed):
    yield installed.store
    installed.store.heal()


@pytest.fixture
def account(installed):
    return apply(installed.service, FORM).location


def is_clean(service):
    wait_until_idle(service)
    said = service.run("reconcile", "--dry-run", "--checksums").stdout
    assert said.startswith("Blob store and database agree"), said


@pytest.mark.parametrize(
    ("fault", "methods"),
    [
        ("error", ("PUT",)),
        ("busy", ("PUT", "GET")),
        ("wrong key", ("PUT", "GET", "DELETE", "POST")),
        ("full", ("PUT",)),
        ("lost", ("PUT",)),
        ("truncated", ("GET",)),
        ("no such page", ("PUT", "GET", "DELETE", "POST")),
        ("no such key", ("PUT", "GET")),
        ("nothing", ("PUT",)),
        ("redirect", ("PUT", "GET", "DELETE", "POST", "HEAD")),
    ],
)
def test_an_upload_is_told_where_to_go_on_and_the_file_is_whole(installed, store, account, fault, methods):
    service, data = installed.service, os.urandom(3 * MIB)
    where = announce(service, account, len(data)).location
    assert append(service, where, 0, data[:MIB]).status == 204
    store.fail(fault, *methods)
    refused = append(service, where, MIB, data[MIB : 2 * MIB])  # for which the first MiB is read, too
    assert store.met, "the store was asked"
    assert refused.status in ((503, 507) if fault == "full" else (503,)), refused.text
    assert refused.headers["Upload-Offset"] == str(MIB)
    if refused.status == 503:  # 507 names no time: somebody has to make room
        assert int(refused.headers["Retry-After"]) > 0
    assert service.get(account).status == 200
    assert offset_of(service, where) == MIB
    store.heal()
    assert append(service, where, MIB, data[MIB:]).status == 204
    assert await_ready(service, account)["sha256"] == hashlib.sha256(data).hexdigest()
    is_clean(service)


@pytest.mark.parametrize("size", [1000, MIB])
def test_a_creation_whose_bytes_are_not_taken_leaves_nothing(installed, store, account, size):
    """Its client hears of no address, and comes again."""
    service, data = installed.service, os.urandom(size)
    store.fail("wrong key", "PUT")
    assert [create(service, account, data).status for _ in range(3)] == [503] * 3
    store.heal()
    assert create(service, account, data).status == 201
    is_clean(service)
    assert [file["state"] for file in listed(service, account) if file["state"] != "erased"] == ["ready"]


def create(service, account, data):
    """A creation that brings every byte (tus, "creation-with-upload")."""
    headers = {**TUS, "Upload-Length": str(len(data)), "Content-Type": "application/offset+octet-stream"}
    return service.request("POST", f"{account}/files", data, headers)


def test_an_outage_is_told_in_one_line_and_its_end_in_another(installed, store, account):
    """Also of bodies of more than one part, of which the bytes that came last are given up at once."""
    service, data = installed.service, os.urandom(PART + MIB)
    where = announce(service, account, len(data)).location
    before = len(told(service))
    store.fail("wrong key", "PUT")  # which is not asked for again
    for _ in range(3):
        assert append(service, where, 0, data).status == 503
    store.heal()
    assert append(service, where, 0, data).status == 204
    assert [line.split(" after ")[0] for line in told(service)[before:]] == [
        "the blob store did not answer",
        "the blob store answers again",
    ]


def told(service):
    """What the web process has said of the store, each line's message."""
    lines = [read(line) for line in service.log_text().splitlines() if line.startswith("at=")]
    return [line["event"] for line in lines if line["event"].startswith("the blob store")]


def test_one_lost_answer_is_asked_for_again_and_nobody_notices(installed, store, account):
    service, data = installed.service, os.urandom(MIB)
    where = announce(service, account, len(data)).location
    store.fail("lost", "PUT")
    healing = Thread(target=lambda: (eventually(lambda: store.met, interval=0.005), store.heal()))
    healing.start()
    assert append(service, where, 0, data).status == 204
    healing.join()
    assert await_ready(service, account)["sha256"] == hashlib.sha256(data).hexdigest()
    is_clean(service)


@pytest.mark.parametrize("fault", ["no such page", "wrong key"])
def test_a_file_that_cannot_be_read_just_now_waits_and_is_told_of_in_one_line(
    installed, store, account, fault
):
    """What answers in the store's place says nothing of what is stored; a key that is wrong is soon right."""
    service, data = installed.service, os.urandom(MIB)
    where = announce(service, account, len(data)).location
    before = len(service.log_text())
    store.fail(fault, "GET")
    assert append(service, where, 0, data).status == 204
    eventually(lambda: store.met)
    store.heal()
    assert await_ready(service, account)["sha256"] == hashlib.sha256(data).hexdigest()
    assert "failed, and is left until later" not in service.log_text()[before:]
    is_clean(service)


@pytest.mark.parametrize("fault", ["error", "no such page", "no such key", "wrong key"])
def test_a_download_is_told_that_the_store_is_away_before_it_begins(installed, store, fault):
    service, data, to = installed.service, os.urandom(MIB), f"bo-{fault.replace(' ', '-')}@rontgen.example"
    account = apply(service, FORM, recipient_email=to).location
    where = announce(service, account, len(data)).location
    assert append(service, where, 0, data).status == 204
    letter = installed.mail_server.one("file-ready", to=to)
    (link,) = download_links(service, letter)
    store.fail(fault, "GET")
    for asked in ({}, {"Range": "bytes=1000-"}):
        refused = service.get(link, **asked)
        assert refused.status == 503
        assert int(refused.headers["Retry-After"]) > 0
    store.heal()
    assert service.get(link, Range="bytes=1000-").body == data[1000:]
    assert fetch(service, letter).body == data


def test_a_download_that_the_store_breaks_off_is_no_whole_file_and_can_be_asked_for_again(installed, store):
    service, data, to = installed.service, os.urandom(MIB), "bo-truncated@rontgen.example"
    account = apply(service, FORM, recipient_email=to).location
    where = announce(service, account, len(data)).location
    assert append(service, where, 0, data).status == 204
    letter = installed.mail_server.one("file-ready", to=to)
    store.fail("truncated", "GET")
    with contextlib.suppress(OSError, http.client.HTTPException):  # it was broken off for the client, too
        broken = fetch(service, letter)
        assert broken.status == 503 or broken.body == data
    store.heal()
    assert fetch(service, letter).body == data


def test_while_the_store_is_slow_pages_are_not(installed, store, account):
    service, data = installed.service, os.urandom(MIB // 4)
    where = announce(service, account, len(data)).location
    store.delay, store.rate = SLOW_DELAY, SLOW_RATE
    answers = []
    uploading = Thread(target=lambda: answers.append(append(service, where, 0, data).status))
    uploading.start()
    read, began = 0, time.monotonic()
    while uploading.is_alive():
        assert service.get(account).status == 200
        read += 1
    assert read > 20, f"{read} pages in the {time.monotonic() - began:.1f} s of an upload"
    uploading.join()
    assert answers == [204]
    store.heal()
    assert await_ready(service, account)["sha256"] == hashlib.sha256(data).hexdigest()
    is_clean(service)


def test_while_the_store_has_stopped_all_but_bytes_is_answered_and_then_the_bytes_go_on(
    installed, store, account
):
    """Every thread of uploads and of downloads waits for it, and an upload waits for one of those threads."""
    service, data, to = installed.service, os.urandom(2 * MIB), "bo-stopped@rontgen.example"
    fetched = apply(service, FORM, recipient_email=to).location
    assert append(service, announce(service, fetched, MIB).location, 0, data[:MIB]).status == 204
    (link,) = download_links(service, installed.mail_server.one("file-ready", to=to))
    halves = [announce(service, account, len(data)).location for _ in range(AT_ONCE + 1)]
    for where in halves:
        assert append(service, where, 0, data[:MIB]).status == 204
    idle = announce(service, fetched, 1).location
    store.stop()
    with ThreadPoolExecutor(3 * AT_ONCE) as clients:
        stored = [clients.submit(append, service, where, MIB, data[MIB:]) for where in halves]
        sent = [clients.submit(service.get, link) for _ in range(AT_ONCE)]
        eventually(lambda: store.waiting >= 2 * AT_ONCE)
        asked = [
            service.get(account).status,
            service.get(f"{account}/files").status,
            service.request("OPTIONS", f"{account}/files").status,
            offset_of(service, idle),
            announce(service, fetched, 1).status,
            announce(service, account, ROOM - MIB).status,  # for which there is no room beside the halves
        ]
        waited = [each.done() for each in (*stored, *sent)]
        apply(service, FROM_OUTSIDE, recipient_email="karin.stopped@ltdalarna.se")
        installed.mail_server.one("approval-requested", to="karin.stopped@ltdalarna.se")
        taken_over = offset_of(service, halves[0])
        store.heal()
    assert (asked, taken_over) == ([200, 200, 204, 0, 201, 413], MIB)
    assert not any(waited), "somebody who asked has waited for the store"
    assert {each.result().body for each in sent} == {data[:MIB]}
    for where, answer in zip(halves, stored, strict=True):
        assert answer.result().status in (204, 409), "409: whoever asked after it has taken it over"
        if (reached := offset_of(service, where)) < len(data):
            assert append(service, where, reached, data[reached:]).status == 204
    eventually(
        lambda: [each["sha256"] for each in json.loads(service.get(f"{account}/files").body)["files"]],
        lambda found: found == [hashlib.sha256(data).hexdigest()] * len(halves),
    )
    is_clean(service)

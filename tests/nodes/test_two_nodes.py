"""Two machines on one database and one bucket: either does all, and goes on where the other stopped."""

import contextlib
import hashlib
import io
import os
import signal
import threading
import time
import zipfile

import pytest

from tests.parts.eventually import eventually
from tests.parts.invariants import wait_until_idle
from tests.parts.people import (
    FORM,
    announce,
    append,
    apply,
    download_links,
    fetch,
    offset_of,
    path_of,
    send_form,
    send_tus,
)
from tests.parts.raw_http import RawConnection
from tests.parts.seaweed import READER_KEY
from tests.parts.service import process_tree
from tests.parts.storage import rows
from tests.streams.test_connection import TUS, await_offset, await_ready, listed

pytestmark = [pytest.mark.live]
MIB = 1 << 20
PART = 8 * MIB


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def goes_on(node, account, where, data):
    """The client asks how far it has come, and sends the rest; what is stored is what was sent."""
    offset = offset_of(node, where)
    assert append(node, where, offset, data[offset:]).status == 204
    assert await_ready(node, account)["sha256"] == sha256(data)
    return offset


def upload_name(where):
    return where.rpartition("/")[2]


def test_a_file_comes_in_at_one_node_and_is_fetched_at_the_other(nodes):
    data, to = os.urandom(2 * PART + 12345), "bo-1@rontgen.example"
    account = apply(nodes.a, FORM, recipient_email=to).location
    created = send_tus(nodes.a, account, data, filename="Ritning.bin")
    assert created.status == 204
    letter = nodes.mail_server.one("file-ready", to=to)
    assert fetch(nodes.b, letter).body == data
    (link,) = download_links(nodes.b, letter)
    part = nodes.b.get(link, Range=f"bytes={PART - 10}-{PART + 9}")
    assert (part.status, part.body) == (206, data[PART - 10 : PART + 10])
    assert nodes.a.get(link, Range="bytes=-7").body == data[-7:]


def test_all_ways_in_and_the_archive_and_an_erasure(nodes):
    to = "bo-2@rontgen.example"
    account = apply(nodes.b, FORM, recipient_email=to).location
    files = {"Ett.txt": b"one" * 1000, "Två.bin": os.urandom(3 * MIB)}
    assert send_form(nodes.a, account, files).status == 303
    assert nodes.b.request("PUT", f"{account}/tre.txt", b"three").status in (200, 201)
    letters = nodes.mail_server.wait_for("file-ready", to=to, count=3)
    page = nodes.a.get(path_of(letters[0].links("download")[0])).text
    archive = next(word for word in page.split('"') if word.startswith("/zip/"))
    with zipfile.ZipFile(io.BytesIO(nodes.b.get(archive).body)) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == {**files, "tre.txt": b"three"}
    names = {each["id"] for each in listed(nodes.a, account)}
    assert names <= set(nodes.blobs())
    for name in names:
        assert nodes.b.request("DELETE", f"{account}/files/{name}", headers=TUS).status == 204
    wait_until_idle(nodes.a)
    assert set(nodes.blobs()) & names == set()


def test_a_node_that_is_killed_in_mid_upload_is_not_missed(nodes, account):
    data = os.urandom(3 * PART)
    where = announce(nodes.a, account, len(data)).location
    with RawConnection(nodes.a) as client:
        client.send_patch(where, 0, data[: PART + 3 * MIB], length=len(data))
        await_offset(nodes.b, account, PART)
        nodes.a.kill()
    try:
        began = time.monotonic()
        assert offset_of(nodes.b, where) == PART
        assert time.monotonic() - began < 30
        assert goes_on(nodes.b, account, where, data) == PART
    finally:
        nodes.a.start()


def test_a_node_that_stalls_is_cut_off_and_nothing_of_it_counts(nodes, account):
    data, others = os.urandom(PART), os.urandom(PART)
    where = announce(nodes.a, account, len(data)).location
    assert append(nodes.a, where, 0, data[:MIB]).status == 204
    stopped = process_tree(nodes.a.process.pid)
    with RawConnection(nodes.a) as client:
        client.send_patch(where, MIB, others[:MIB], length=len(data) - MIB)
        await_held(nodes, where)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            assert goes_on(nodes.b, account, where, data) == MIB
            assert time.monotonic() - began < 30
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        began = time.monotonic()
        response = client.read_response()
        assert time.monotonic() - began < 60
        assert response.status in (409, 413)  # "preempted", or what it asks for is whole by now
    assert [file["sha256"] for file in listed(nodes.b, account)] == [sha256(data)]


def await_held(nodes, where):
    asked = f"SELECT 1 FROM filsluss_blob WHERE name = '{upload_name(where)}' AND holder <> ''"
    eventually(lambda: rows(nodes.b, asked), interval=0.02)


def test_the_other_node_takes_over_from_one_that_listens_at_once(nodes, account):
    data = os.urandom(2 * MIB)
    where = announce(nodes.a, account, len(data)).location
    with RawConnection(nodes.a) as client:
        client.send_patch(where, 0, data[:MIB], length=len(data))
        await_held(nodes, where)
        time.sleep(0.3)
        began = time.monotonic()
        assert offset_of(nodes.b, where) == MIB
        assert time.monotonic() - began < 3
        response = client.read_response()
        assert (response.status, response.code) == (409, "preempted")
    goes_on(nodes.b, account, where, data)


def test_a_database_that_restarts_in_mid_upload_loses_nothing_that_was_acknowledged(nodes, account):
    data = os.urandom(2 * PART)
    where = announce(nodes.a, account, len(data)).location
    assert append(nodes.a, where, 0, data[:MIB]).status == 204
    answers = []
    with RawConnection(nodes.a) as client:
        client.send_patch(where, MIB, data[MIB : 2 * MIB], length=len(data) - MIB)
        await_held(nodes, where)
        nodes.server.stop()
        nodes.server.run()
        client.send(data[2 * MIB :])
        answers.append(client.read_response().status)
    assert answers[0] in (204, 503)
    head = eventually(
        lambda: nodes.b.request("HEAD", where, headers=TUS), lambda head: head.status != 503, interval=0.2
    )
    assert head.status == 200
    offset = int(head.headers["Upload-Offset"])
    assert offset >= MIB
    if offset < len(data):
        goes_on(nodes.b, account, where, data)
    assert await_ready(nodes.b, account)["sha256"] == sha256(data)


def test_while_the_store_is_away_nothing_is_lost_and_the_client_is_told_where_to_go_on(nodes, account):
    data = os.urandom(2 * PART)
    where = announce(nodes.a, account, len(data)).location
    assert append(nodes.a, where, 0, data[:PART]).status == 204
    nodes.relay.cut()
    try:
        refused = append(nodes.a, where, PART, data[PART : PART + 5])
        assert (refused.status, refused.headers["Upload-Offset"]) == (503, str(PART))
        assert int(refused.headers["Retry-After"]) > 0
        assert offset_of(nodes.b, where) == PART
        assert nodes.a.get(account).status == 200
        assert nodes.a.get("/readyz").status == 503
    finally:
        nodes.relay.restore()
    goes_on(nodes.b, account, where, data)


def test_two_clients_at_two_nodes_end_as_one_file(nodes, account):
    data = os.urandom(PART + MIB)
    where = announce(nodes.a, account, len(data)).location
    answers = []

    def send(node):
        for _ in range(40):
            head = node.request("HEAD", where, headers=TUS)
            if head.status != 200:
                continue
            offset = int(head.headers["Upload-Offset"])
            if offset == len(data):
                return
            with contextlib.suppress(ConnectionError):  # the other was preferred while this one was sent
                answers.append(append(node, where, offset, data[offset : offset + MIB]).status)

    threads = [threading.Thread(target=send, args=(node,)) for node in (nodes.a, nodes.b)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {204, 409, 503}
    goes_on(nodes.b, account, where, data)


def test_check_is_content_and_the_stores_agree_with_the_rows(nodes):
    found = nodes.b.run("check", check=False).stdout
    assert "a test blob was written, read and erased" in found
    wait_until_idle(nodes.a)
    said = nodes.b.run("reconcile", "--dry-run", "--checksums").stdout
    assert said.startswith("Blob store and database agree"), said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"S3_ACCESS_KEY": READER_KEY}, "AccessDenied"),
        ({"BLOB_URL": "s3://no-such-bucket?endpoint={endpoint}"}, "there is no bucket no-such-bucket"),
    ],
)
def test_a_key_that_may_not_write_and_a_bucket_that_is_not_there_are_wrong_in_one_line(nodes, changes, said):
    """Of which the second stops the start, too."""
    before = dict(nodes.b.env)
    new = {f"FILSLUSS_{name}": text.format(endpoint=nodes.seaweed.endpoint) for name, text in changes.items()}
    nodes.b.env.update(new)
    try:
        found = nodes.b.run("check", check=False)
        (line,) = [line for line in found.stdout.splitlines() if said in line]
        assert (found.returncode, "blob store" in line) == (1, True)
        if "BLOB_URL" in changes:
            started = nodes.b.run("worker", check=False)
            assert (started.returncode, said in started.stderr, started.stderr.count("\n")) == (1, True, 1)
    finally:
        nodes.b.env.clear()
        nodes.b.env.update(before)

"""Two processes and many writers: the newer request wins at once, and no byte is anybody else's."""

import contextlib
import hashlib
import os
import threading
import time

import pytest

from tests.parts.eventually import eventually
from tests.parts.people import FORM, announce, append, apply, offset_of
from tests.parts.raw_http import RawConnection, chunked
from tests.parts.shared_service import start_shared_service
from tests.parts.web_processes import accepted
from tests.streams.test_connection import MIB, await_offset, await_ready, finish, listed

DOCUMENTED = {204, 404, 409, 410, 503}


@pytest.fixture(scope="module")
def pair(tmp_path_factory, database_server):
    """A service of two processes, which share their listening socket."""
    folder = tmp_path_factory.mktemp("pair")
    with start_shared_service(folder, database_server, WEB_PROCESSES="2") as service:
        yield service


@pytest.fixture
def account(pair):
    return apply(pair, FORM).location


@pytest.mark.parametrize("plain", [False, True], ids=["fast", "chunked"])
@pytest.mark.parametrize("newer", ["HEAD", "PATCH", "DELETE"])
@pytest.mark.parametrize("process", ["same", "other"])
def test_a_newer_request_takes_the_upload_over_and_the_older_writes_no_more(
    pair, account, process, newer, plain
):
    data = os.urandom(2 * MIB)
    where = announce(pair, account, len(data)).location
    with accepted(pair) as older:
        if plain:
            older.send_patch(where, 0, length=None, Transfer_Encoding="chunked")
            older.send(b"%x\r\n%s\r\n" % (MIB, data[:MIB]))
        else:
            older.send_patch(where, 0, data[:MIB], length=len(data))
        await_offset(pair, account, MIB)
        with accepted(pair, but=older) as other, accepted(pair, but=other) as same:
            connection = other if process == "other" else same
            if newer == "PATCH":
                connection.send_patch(where, MIB, length=0)
            else:
                connection.send_request(newer, where, Tus_Resumable="1.0.0")
            answer = connection.read_response()
        response = older.read_response()
        if newer == "DELETE":
            assert answer.status == 204
            assert pair.request("HEAD", where).status == 410
            assert (response.status, response.code) in [
                (409, "preempted"),
                (410, "upload_gone"),
                (503, "busy"),
            ]
            return
        kept = int(answer.headers["Upload-Offset"])
        assert (response.status, response.code) == (409, "preempted")
        assert int(response.headers["Upload-Offset"]) == kept
        with contextlib.suppress(OSError):
            older.send(bytes(MIB))  # what it sends from now on is nobody's
    assert offset_of(pair, where) == kept
    finish(pair, account, where, kept, data)


def test_two_appends_at_once_from_two_processes_end_as_one_file(pair, account):
    """One of the two goes on, the other is told why not."""
    files = {}
    for _ in range(8):
        data = os.urandom(256 * 1024)
        where = announce(pair, account, len(data)).location
        with accepted(pair) as one, accepted(pair, but=one) as other:
            answers = at_once([one, other], where, 0, data)
        assert sorted(answers) in ([204, 409], [409, 409]), answers
        kept = offset_of(pair, where)
        if kept < len(data):
            assert append(pair, where, kept, data[kept:]).status == 204
        files[where.rpartition("/")[2]] = hashlib.sha256(data).hexdigest()
    eventually(
        lambda: {file["id"]: file["sha256"] for file in listed(pair, account) if file["state"] == "ready"},
        lambda found: found == files,
        seconds=90,
    )


def at_once(connections, where, offset, data):
    """Each of them sends all of it, at the same time; their statuses."""
    everybody, answers = threading.Barrier(len(connections)), []

    def send(connection):
        everybody.wait()
        connection.send_patch(where, offset, data[:1000], length=len(data))
        time.sleep(0.01)
        try:
            connection.send(data[1000:])
            answers.append(connection.read_response().status)
        except OSError:
            answers.append(409)  # disconnected before it could be told

    threads = [threading.Thread(target=send, args=(connection,)) for connection in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_twenty_writers_on_one_upload_leave_one_clients_bytes(pair, account):
    """Each believes the upload to be its own, sends the same file, and takes up where it is told."""
    data = os.urandom(3 * MIB + 17)
    where = announce(pair, account, len(data)).location
    strange, backwards = [], []
    done = threading.Event()

    def insist(number):
        offset, last = 0, 0
        while not done.is_set():
            step = 100_000 + number * 7_000
            try:
                with RawConnection(pair) as connection:
                    piece = data[offset : offset + step]
                    if number % 2:
                        coded = chunked(piece)
                        connection.send_patch(where, offset, coded, length=None, Transfer_Encoding="chunked")
                    else:
                        connection.send_patch(where, offset, piece, length=len(piece))
                    response = connection.read_response()
            except OSError:
                continue  # disconnected: try again
            if response.status not in DOCUMENTED:
                strange.append((response.status, response.body))
            acknowledged = int(response.headers.get("Upload-Offset", offset))
            if acknowledged < last:
                backwards.append((last, acknowledged))
            offset = last = acknowledged
            if response.status != 204:
                time.sleep(0.01 * number)  # as clients do, each after its own pause
            if offset == len(data):
                done.set()

    threads = [threading.Thread(target=insist, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    assert done.wait(90)
    for thread in threads:
        thread.join()
    assert (strange, backwards) == ([], [])
    (file,) = listed(pair, account)
    assert file["size"] == len(data)
    assert await_ready(pair, account)["sha256"] == hashlib.sha256(data).hexdigest()


def test_one_received_file_and_one_letter_come_of_many_finishes(make_service, mail_server):
    """Four clients of each process send the last byte at once."""
    service = make_service(WEB_PROCESSES="2").start()
    account = apply(service, FORM).location
    where = announce(service, account, 10).location
    assert append(service, where, 0, b"012345678").status == 204
    with contextlib.ExitStack() as until_the_end:
        one = until_the_end.enter_context(accepted(service))
        other = until_the_end.enter_context(accepted(service, but=one))
        more = [until_the_end.enter_context(accepted(service, but=each)) for each in [one, other] * 3]
        answers = at_once([one, other, *more], where, 9, b"9")
    assert set(answers) <= DOCUMENTED - {404, 410}
    assert 204 in answers
    await_ready(service, account)
    assert [file["size"] for file in listed(service, account)] == [10]
    mail_server.one("file-ready")

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
from tests.parts.service import process_tree
from tests.parts.shared_service import start_shared_service
from tests.streams.test_connection import MIB, TUS, await_offset, await_ready, finish, listed

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


def writing_processes(service):
    """The processes that write somewhere in the store, as the kernel tells."""
    root = str(service.data_dir / "blobs")
    found = set()
    for pid in process_tree(service.process.pid):
        try:
            names = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            continue
        if any(name.startswith(root) and "/locks" not in name for name in names):
            found.add(pid)
    return found


@pytest.mark.parametrize("plain", [False, True], ids=["fast", "chunked"])
@pytest.mark.parametrize("newer", ["HEAD", "PATCH", "DELETE"])
def test_a_newer_request_takes_the_upload_over_and_the_older_writes_no_more(pair, account, newer, plain):
    data = os.urandom(2 * MIB)
    where = announce(pair, account, len(data)).location
    with RawConnection(pair) as older:
        if plain:
            older.send_patch(where, 0, length=None, Transfer_Encoding="chunked")
            older.send(b"%x\r\n%s\r\n" % (MIB, data[:MIB]))
        else:
            older.send_patch(where, 0, data[:MIB], length=len(data))
        await_offset(pair, account, MIB)
        if newer == "HEAD":
            kept = offset_of(pair, where)
        elif newer == "PATCH":
            kept = int(append(pair, where, MIB, b"").headers["Upload-Offset"])
        else:
            assert pair.request("DELETE", where, headers=TUS).status == 204
            assert pair.request("HEAD", where).status == 410
        response = older.read_response()
        if newer == "DELETE":
            assert (response.status, response.code) in [
                (409, "preempted"),
                (410, "upload_gone"),
                (503, "busy"),
            ]
            return
        assert (response.status, response.code) == (409, "preempted")
        assert int(response.headers["Upload-Offset"]) == kept
        with contextlib.suppress(OSError):
            older.send(bytes(MIB))  # what it sends from now on is nobody's
    assert offset_of(pair, where) == kept
    finish(pair, account, where, kept, data)


def test_two_appends_at_once_from_two_processes_end_as_one_file(pair, account):
    """Whichever process takes a connection: one of the two goes on, the other is told why not."""
    seen, files = set(), {}
    for _ in range(100):
        data = os.urandom(256 * 1024)
        where = announce(pair, account, len(data)).location
        answers = at_once(pair, where, data, seen)
        assert sorted(answers) in ([204, 409], [409, 409]), answers
        kept = offset_of(pair, where)
        if kept < len(data):
            assert append(pair, where, kept, data[kept:]).status == 204
        files[where.rpartition("/")[2]] = hashlib.sha256(data).hexdigest()
        if len(seen) >= 2 and len(files) >= 8:
            break
    assert len(seen) >= 2, "both processes were to write"
    eventually(
        lambda: {file["id"]: file["sha256"] for file in listed(pair, account) if file["state"] == "ready"},
        lambda found: found == files,
        seconds=90,
    )


def at_once(service, where, data, seen):
    """Two clients send the whole of it; their two statuses, and in `seen` which processes wrote."""
    both, answers = threading.Barrier(2), []

    def send():
        with RawConnection(service) as connection:
            both.wait()
            connection.send_patch(where, 0, data[:1000], length=len(data))
            time.sleep(0.01)
            seen.update(writing_processes(service))
            try:
                connection.send(data[1000:])
                answers.append(connection.read_response().status)
            except OSError:
                answers.append(409)  # disconnected before it could be told

    threads = [threading.Thread(target=send) for _ in range(2)]
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
    """Everybody sends the last byte at once."""
    service = make_service(WEB_PROCESSES="2").start()
    account = apply(service, FORM).location
    where = announce(service, account, 10).location
    assert append(service, where, 0, b"012345678").status == 204
    both, answers = threading.Barrier(8), []

    def finish_it():
        both.wait()
        answers.append(append(service, where, 9, b"9").status)

    threads = [threading.Thread(target=finish_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= DOCUMENTED - {404, 410}
    assert 204 in answers
    await_ready(service, account)
    assert [file["size"] for file in listed(service, account)] == [10]
    mail_server.one("file-ready")

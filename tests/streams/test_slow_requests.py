"""A request that is not complete yet holds no thread, and nobody else waits for it."""

import contextlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.parts.eventually import eventually
from tests.parts.people import FORM as FROM_INSIDE
from tests.parts.people import announce, apply
from tests.parts.raw_http import RawConnection
from tests.parts.shared_service import start_shared_service

THREADS = 4
FORM = b"POST /code HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 20\r\n"
MISDIRECTED = b"GET / HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n"
BEGUN = {
    "nothing": b"",
    "a header": b"GET / HTTP/1.1\r\nX-A: ",
    "empty lines": b"\r\n\r\n",
    "no form": FORM + b"\r\n",
    "half a form": FORM + b"\r\ncode=",
}


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory, database_server):
    """A service with the usual timeouts and few threads."""
    folder = tmp_path_factory.mktemp("slow")
    with start_shared_service(folder, database_server, THREADS=str(THREADS)) as service:
        yield service


@pytest.fixture
def connections(shared_service):
    """More than there are threads."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(RawConnection(shared_service)) for _ in range(3 * THREADS)]


def are_held(connections):
    """Whether every one of them is still waited for."""
    for connection in connections:
        connection.sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            connection.sock.recv(1)
        connection.sock.settimeout(30)
    return True


@pytest.mark.parametrize("begun", BEGUN.values(), ids=BEGUN)
def test_half_a_request_holds_no_thread(shared_service, connections, begun):
    for connection in connections:
        connection.send(begun)
    assert shared_service.get("/healthz").status == 200
    assert are_held(connections)


def test_uploads_that_do_not_come_take_no_thread_from_pages(shared_service, connections):
    account = apply(shared_service, FROM_INSIDE).location
    announced = [announce(shared_service, account, 5).location for _ in connections]
    for connection, where in zip(connections, announced, strict=True):
        connection.send_patch(where, 0, length=5)
    assert shared_service.get("/").status == 200
    assert shared_service.post("/", {"sender_name": "Anna Berg"}).status == 422
    assert are_held(connections)


def test_half_a_request_behind_a_whole_one_holds_no_thread(shared_service, connections):
    for connection in connections:
        connection.send(MISDIRECTED + MISDIRECTED[:20])
    assert [connection.read_response().status for connection in connections] == [421] * len(connections)
    assert shared_service.get("/healthz").status == 200
    assert are_held(connections)
    for connection in connections:
        connection.send(MISDIRECTED[20:])
    assert [connection.read_response().status for connection in connections] == [421] * len(connections)


def test_a_request_that_comes_in_pieces_is_answered_when_it_is_there(shared_service):
    body = b"sender_name=Anna+Berg"
    whole = f"POST / HTTP/1.1\r\nHost: {shared_service.url[7:]}\r\nContent-Length: {len(body)}\r\n".encode()
    whole += b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + body
    for cut in (1, 30, len(whole) - len(body) - 2, len(whole) - len(body), len(whole) - 1):
        with RawConnection(shared_service) as connection:
            connection.send(whole[:cut])
            assert are_held([connection])
            connection.send(whole[cut:])
            assert connection.read_response().status == 422


def test_two_requests_at_once_are_answered_one_after_the_other(shared_service):
    with RawConnection(shared_service) as connection:
        connection.send(MISDIRECTED * 2)
        assert [connection.read_response().status, connection.read_response().status] == [421, 421]


def small_upload(connection, account):
    """A file of five bytes that comes with its creation, as bytes to send."""
    kind = "Tus-Resumable: 1.0.0\r\nUpload-Length: 5\r\nContent-Type: application/offset+octet-stream\r\n"
    head = f"POST {account}/files HTTP/1.1\r\nHost: {connection.host}\r\n{kind}Content-Length: 5\r\n\r\n"
    return head.encode() + b"bytes"


def test_after_an_upload_half_a_request_holds_no_thread(shared_service, connections):
    account = apply(shared_service, FROM_INSIDE).location
    for connection in connections:
        connection.send(small_upload(connection, account))
        assert connection.read_response().status == 201
        connection.send(small_upload(connection, account)[:40])
    assert announce(shared_service, account, 5).status == 201
    assert are_held(connections)
    for connection in connections:
        connection.send(small_upload(connection, account)[40:])
        assert connection.read_response().status == 201


def test_uploads_that_follow_at_once_keep_no_other_waiting(shared_service, connections):
    """More of them than there are threads, none of which pauses until a last one has been answered."""
    account, done = apply(shared_service, FROM_INSIDE).location, threading.Event()

    def send(connection):
        answers = []
        while not done.is_set():
            connection.send(small_upload(connection, account))
            answers.append(connection.read_response().status)
        return answers

    first, *others = connections[:THREADS]
    with ThreadPoolExecutor(THREADS) as threads:
        sending = [threads.submit(send, connection) for connection in others]
        try:
            for _ in range(10):
                first.send(small_upload(first, account))
                assert first.read_response().status == 201
        finally:
            done.set()
        assert {status for each in sending for status in each.result()} == {201}


def test_what_follows_an_upload_is_answered_whatever_it_is(shared_service):
    account, other = (apply(shared_service, FROM_INSIDE).location for _ in range(2))
    with RawConnection(shared_service) as connection:
        connection.send(small_upload(connection, account) * 2)
        assert [connection.read_response().status for _ in range(2)] == [201, 201]
        connection.send(small_upload(connection, account) + small_upload(connection, other))
        assert [connection.read_response().status for _ in range(2)] == [201, 201]
        connection.send(small_upload(connection, account))
        assert connection.read_response().status == 201
        for path in (f"{account}/files", "/healthz"):
            connection.send_request("GET", path)
            assert connection.read_response().status == 200
        connection.send(small_upload(connection, account)[:-1])
        connection.half_close()
        assert connection.is_closed_by_peer()


def test_a_client_that_leaves_half_way_is_released(shared_service):
    for begun in (b"", b"GET / HT", FORM + b"\r\ncode="):
        with RawConnection(shared_service) as connection:
            connection.send(begun)
            connection.half_close()
            assert connection.is_closed_by_peer()


def test_with_no_file_descriptor_left_the_service_waits_until_there_is_one(make_service):
    service = make_service(THREADS="200")
    limited = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))"
    start = f"{limited}; os.execv(sys.executable, [sys.executable, '-m', 'filsluss', *sys.argv[1:]])"
    service.program = [sys.executable, "-c", start]
    service.start()
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(RawConnection(service))
        eventually(service.log_text, lambda text: "cannot accept a connection" in text)
    assert service.get("/healthz").status == 200
    assert "restarting it" not in service.log_text()

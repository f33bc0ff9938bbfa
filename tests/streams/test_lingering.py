"""Clients that ask for `Connection: close` and do not close hold no thread, and not many connections."""

import contextlib
import socket
import time

import pytest

from tests.parts import short_timeouts
from tests.parts.eventually import eventually
from tests.parts.people import send_tus
from tests.parts.raw_http import RawConnection
from tests.parts.shared_service import start_shared_service

PAGES, MOST = 4, 20
REFUSED = "Tus-Resumable: 1.0.0\r\nContent-Length: 0"
"""An upload that says nothing of its length."""
LIMITS = {
    "filsluss.server.gunicorn_worker.PAGE_THREADS": PAGES,
    "filsluss.server.lingering.LINGER_SECONDS": 60.0,
    "filsluss.server.lingering.LINGERING_MAX": MOST,
}


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory, database_server):
    """A service with four threads for pages, which waits for a minute until a client closes."""
    folder, program = tmp_path_factory.mktemp("lingering"), short_timeouts.program(**LIMITS)
    with start_shared_service(
        folder, database_server, command="web", program=program, THREADS="8"
    ) as service:
        yield service


@pytest.fixture
def answered(shared_service):
    """Opens connections that have had their answer, and stay open."""
    with contextlib.ExitStack() as stack:

        def open_one(path, method="GET"):
            connection = stack.enter_context(RawConnection(shared_service))
            connection.send_request(method, path, Connection="close")
            assert connection.read_response().status in (200, 404, 405)
            return connection

        yield open_one


@pytest.mark.parametrize("path", ["/help", "/static/none", "/download/none/none", "/upload/none/files"])
def test_who_does_not_close_holds_no_thread(shared_service, answered, path):
    for _ in range(PAGES + 9):
        answered(path)
    assert shared_service.get("/").status == 200
    assert shared_service.get("/download/none/none").status == 404


def test_of_too_many_the_oldest_is_closed(shared_service, answered):
    connections = [answered("/help") for _ in range(MOST + 5)]
    assert all(each.is_closed_by_peer() for each in connections)  # our half has been ended for all of them
    for each in connections[:5]:
        with pytest.raises(OSError, match=r"reset|pipe"):
            eventually(lambda own=each: own.send(b"x"), interval=0.01)
    for each in connections[-5:]:
        send_on(each)


def send_on(connection):
    for _ in range(20):
        connection.send(b"x")
        time.sleep(0.01)


def test_a_client_that_reads_no_answer_holds_no_thread(shared_service):
    """More than there are threads ask for page after page, with the smallest window there is."""
    with contextlib.ExitStack() as stack:
        for _ in range(PAGES + 9):
            connection = stack.enter_context(RawConnection(shared_service))
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                connection.send(f"GET /help HTTP/1.1\r\nHost: {connection.host}\r\n\r\n".encode() * 2000)
        assert shared_service.get("/").status == 200


@pytest.mark.parametrize("name", ["files", "none"], ids=["a line of JSON", "a page"])
def test_who_reads_no_answer_to_an_upload_holds_no_thread(shared_service, account, name):
    """For a client that is far away the kernel holds less of what was sent than for one on this machine."""
    with contextlib.ExitStack() as stack:
        for _ in range(9):
            connection = stack.enter_context(RawConnection(shared_service, packets=1448))
            one = f"POST {account}/{name} HTTP/1.1\r\nHost: {connection.host}\r\n{REFUSED}\r\n\r\n"
            connection.sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                connection.send(one.encode() * 3000)
        for _ in range(20):
            assert send_tus(shared_service, account, b"bytes").status == 204


def test_who_is_still_sending_gets_the_answer(shared_service):
    with RawConnection(shared_service) as connection:
        connection.send_request("POST", "/download/none/none", Content_Length=8 << 20)
        for _ in range(64):
            connection.send(b"x" * 65536)
        assert connection.read_response().status in (400, 404, 405, 413)


def test_the_service_ends_in_time_while_clients_do_not_close(make_service):
    service = make_service()
    service.start("web")
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            connection = stack.enter_context(RawConnection(service))
            connection.send_request("GET", "/help", Connection="close")
            assert connection.read_response().status == 200
        assert service.stop() == 0

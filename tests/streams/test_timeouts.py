"""Timeouts: of a header, of a body, of a client that reads nothing, and of a download of a removed file."""

import json
import os
import socket
import time

import pytest

from tests.parts import short_timeouts
from tests.parts.people import announce, append, offset_of, send_tus
from tests.parts.raw_http import RawConnection
from tests.parts.shared_service import start_shared_service
from tests.streams.test_connection import TUS, listed

TIMEOUTS = {
    "filsluss.server.gunicorn_worker.HEADER_SECONDS": 1.5,
    "filsluss.server.gunicorn_worker.ANSWER_SECONDS": 5.0,
    "filsluss.streams.body.STALL_SECONDS": 1.0,
    "filsluss.streams.body.SLOW_WINDOW": 2.0,
    "filsluss.streams.body.FORM_SECONDS": 2.0,
    "filsluss.streams.sending.STALL_SECONDS": 2.0,
    "filsluss.streams.sending.CHECK_INTERVAL": 0.3,
}


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory, database_server):
    """A service with short timeouts and few threads, without a worker."""
    folder, program = tmp_path_factory.mktemp("timeouts"), short_timeouts.program(**TIMEOUTS)
    with start_shared_service(
        folder, database_server, command="web", program=program, THREADS="8"
    ) as service:
        yield service


@pytest.mark.parametrize("plain", [False, True], ids=["fast", "chunked"])
def test_a_body_that_falls_silent_is_given_up_and_what_came_is_kept(shared_service, account, plain):
    where = announce(shared_service, account, 90_000).location
    with RawConnection(shared_service) as connection:
        if plain:
            connection.send_patch(
                where, 0, b"%x\r\n%s\r\n" % (70_000, b"x" * 70_000), length=None, Transfer_Encoding="chunked"
            )
        else:
            connection.send_patch(where, 0, b"x" * 70_000, length=90_000)
        response = connection.read_response()
        assert (response.status, response.code) == (503, "read_timeout")
        assert connection.is_closed_by_peer()
    assert response.headers["Upload-Offset"] == "70000"
    assert offset_of(shared_service, where) == 70_000


@pytest.mark.parametrize("plain", [False, True], ids=["fast", "chunked"])
def test_a_body_that_trickles_is_given_up(shared_service, account, plain):
    """It never stops and never ends: less than the minimum rate is a stall."""
    where = announce(shared_service, account, 90_000).location
    with RawConnection(shared_service, seconds=20) as connection:
        if plain:
            connection.send_patch(where, 0, b"%x\r\n" % 90_000, length=None, Transfer_Encoding="chunked")
        else:
            connection.send_patch(where, 0, length=90_000)
        connection.trickle(b"x" * 200, every=0.05)
        response = connection.read_response()
        assert (response.status, response.code) == (503, "read_timeout")
    assert offset_of(shared_service, where) <= 200


def test_a_form_that_does_not_come_is_answered_all_the_same(shared_service):
    with RawConnection(shared_service, seconds=20) as connection:
        connection.send_request(
            "POST", "/code", b"code=", Content_Length=50, Content_Type="application/x-www-form-urlencoded"
        )
        assert connection.read_response().status == 408
        assert connection.is_closed_by_peer()


def test_a_form_that_trickles_is_answered_all_the_same(shared_service):
    with RawConnection(shared_service, seconds=20) as connection:
        connection.send_request(
            "POST", "/", Content_Length=60_000, Content_Type="application/x-www-form-urlencoded"
        )
        connection.trickle(b"x" * 100, every=0.05)
        assert connection.read_response().status == 408


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: "])
def test_a_header_that_never_ends_is_disconnected(shared_service, begun):
    with RawConnection(shared_service) as connection:
        connection.send(begun)
        assert connection.is_closed_by_peer()


def test_a_header_that_trickles_is_disconnected(shared_service):
    with RawConnection(shared_service) as connection:
        connection.trickle(b"GET / HTTP/1.1\r\nX-A: " + b"x" * 100, every=0.05)
        assert connection.is_closed_by_peer()


def test_more_unfinished_headers_than_threads_do_not_stop_the_service(shared_service):
    connections = [RawConnection(shared_service) for _ in range(20)]
    try:
        for connection in connections:
            connection.send(b"GET / HTTP/1.1\r\n")
        assert shared_service.get("/healthz").status == 200
    finally:
        for connection in connections:
            connection.sock.close()


def test_a_client_that_asks_for_pages_and_reads_none_is_disconnected(shared_service):
    with RawConnection(shared_service) as connection:
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.send(f"GET /help HTTP/1.1\r\nHost: {connection.host}\r\n\r\n".encode() * 2000)
        with pytest.raises(ConnectionError):
            send_on(connection)


def test_a_client_that_reads_nothing_of_a_long_answer_to_an_upload_is_disconnected(shared_service, account):
    """It lists more than the kernel holds for a client."""
    for number in range(200):
        assert announce(shared_service, account, 1, filename=f"{number}{'x' * 200}.bin").status == 201
    with RawConnection(shared_service, packets=1448) as connection:
        asked = [("POST", account), ("GET", f"{account}/files")]
        for _ in range(4):
            for method, path in asked:
                connection.send_request(method, path, Content_Length=0)
        with pytest.raises(ConnectionError):
            send_on(connection)


def send_on(connection):
    for _ in range(300):
        connection.send(b"\r\n")
        time.sleep(0.1)


class TestRunningDownload:
    """A download under way."""

    SIZE = 16 << 20

    @pytest.fixture
    def address(self, shared_service, account):
        """The address of a large file's bytes, made ready by a worker."""
        sent = send_tus(shared_service, account, os.urandom(self.SIZE), filename="stor.bin")
        assert sent.status == 204, sent.text
        shared_service.run_worker()
        return self.link(shared_service, account)

    @staticmethod
    def link(service, account):
        """As the letter would say it."""
        (file,) = listed(service, account)
        code = (
            "from django.conf import settings; from filsluss.models import Link;"
            f"a = Link.objects.get(file__public_id={file['public_id']!r}, purpose='download');"
            "print('/download/' + a.token(settings.POLICY.link_keys), a.transfer.public_id)"
        )
        token, public_id = service.run("shell", "--no-imports", "-c", code).stdout.split()
        return token, public_id

    def read_some(self, connection, path):
        connection.sock.setsockopt(1, 8, 65536)  # SO_RCVBUF: little of it lies in buffers
        connection.send_request("GET", path)
        assert b"200" in connection.read_line()
        assert len(connection.sock.recv(4096)) > 0

    def drain(self, connection):
        count = 0
        connection.sock.settimeout(20)
        try:
            while data := connection.sock.recv(1 << 20):
                count += len(data)
        except ConnectionResetError:
            pass
        return count

    @pytest.mark.parametrize("what", ["file", "zip"])
    def test_it_ends_when_the_file_is_removed_and_no_new_one_begins(
        self, shared_service, account, address, what
    ):
        link, public_id = address
        path = f"{link}/stor.bin" if what == "file" else f"{link.replace('download', 'zip')}/{public_id}.zip"
        with RawConnection(shared_service) as connection:
            self.read_some(connection, path)
            (file,) = listed(shared_service, account)
            shared_service.run("remove", file["public_id"], "--reason", "Fel fil")
            assert shared_service.get(path).status == 410
            assert shared_service.request("HEAD", path).status == 410
            end = time.monotonic() + 0.9
            while time.monotonic() < end:  # a slow reader, but one that reads
                connection.sock.recv(1024)
                time.sleep(0.1)
            assert self.drain(connection) < self.SIZE // 2

    def test_a_client_that_reads_nothing_is_disconnected(self, shared_service, account, address):
        link, _ = address
        with RawConnection(shared_service) as connection:
            self.read_some(connection, f"{link}/stor.bin")
            time.sleep(6)
            assert self.drain(connection) < self.SIZE // 2
        (file,) = listed(shared_service, account)
        assert file["fetched_at"] is None
        assert "Traceback" not in shared_service.log_text()

    def test_it_goes_on_while_nothing_happens_to_the_file(self, shared_service, account, address):
        link, _ = address
        with RawConnection(shared_service) as connection:
            self.read_some(connection, f"{link}/stor.bin")
            end = time.monotonic() + 1.5
            count = 0
            while time.monotonic() < end:
                count += len(connection.sock.recv(1 << 18))
                time.sleep(0.05)
            assert count + self.drain(connection) > self.SIZE - (1 << 18)  # but for what was read before
        assert json.loads(shared_service.get(f"{account}/files").text)["files"][0]["fetched_at"] is not None


def test_a_deferred_upload_that_stalls_may_be_ended(shared_service, account):
    created = shared_service.request("POST", f"{account}/files", b"", {**TUS, "Upload-Defer-Length": "1"})
    with RawConnection(shared_service) as connection:
        connection.send_patch(created.location, 0, b"abc", length=9)
        assert connection.read_response().code == "read_timeout"
    assert append(shared_service, created.location, 3, b"", Upload_Length="3").status == 204

"""How long the house waits: for a header, for a body, for a client that takes nothing, for a removed file."""

import json
import os
import socket
import time

import pytest

from tests.parts import hurried
from tests.parts.house import House
from tests.parts.people import FORM, announce, append, apply, offset_of, send_tus
from tests.parts.raw import Line
from tests.streams.test_connection import TUS, listed

SECONDS = {
    "filsluss.server.gunicorn_worker.HEADER_SECONDS": 1.5,
    "filsluss.server.gunicorn_worker.ANSWER_SECONDS": 5.0,
    "filsluss.streams.body.STALL_SECONDS": 1.0,
    "filsluss.streams.body.SLOW_WINDOW": 2.0,
    "filsluss.streams.body.FORM_SECONDS": 2.0,
    "filsluss.streams.sending.STALL_SECONDS": 2.0,
    "filsluss.streams.sending.CHECK_INTERVAL": 0.3,
}


@pytest.fixture(scope="module")
def hasty(tmp_path_factory, database_server):
    """A house of little patience and few threads, with a worker beside it."""
    with_database = {}
    database = database_server.database("hasty") if database_server else None
    if database:
        with_database["DATABASE_URL"] = database.__enter__()
    folder = tmp_path_factory.mktemp("hasty") / "house"
    house = House(folder, THREADS="8", **with_database)
    house.program = hurried.program(**SECONDS)
    house.start("web")
    yield house
    house.leave()
    if database:
        database.__exit__(None, None, None)


@pytest.fixture
def account(hasty):
    return apply(hasty, FORM).location


@pytest.mark.parametrize("plain", [False, True], ids=["fast", "chunked"])
def test_a_body_that_falls_silent_is_given_up_and_what_came_is_kept(hasty, account, plain):
    where = announce(hasty, account, 90_000).location
    with Line(hasty) as line:
        if plain:
            line.append(where, 0, b"%x\r\n%s\r\n" % (70_000, b"x" * 70_000), length=None,
                        Transfer_Encoding="chunked")  # fmt: skip
        else:
            line.append(where, 0, b"x" * 70_000, length=90_000)
        said = line.answer()
        assert (said.status, said.code) == (503, "read_timeout")
        assert line.is_ended()
    assert said.headers["Upload-Offset"] == "70000"
    assert offset_of(hasty, where) == 70_000


@pytest.mark.parametrize("plain", [False, True], ids=["fast", "chunked"])
def test_a_body_that_trickles_is_given_up(hasty, account, plain):
    """Never silent, and never done: less than the least rate is a stall."""
    where = announce(hasty, account, 90_000).location
    with Line(hasty, seconds=20) as line:
        if plain:
            line.append(where, 0, b"%x\r\n" % 90_000, length=None, Transfer_Encoding="chunked")
        else:
            line.append(where, 0, length=90_000)
        line.trickle(b"x" * 200, every=0.05)
        said = line.answer()
        assert (said.status, said.code) == (503, "read_timeout")
    assert offset_of(hasty, where) <= 200


def test_a_form_that_does_not_come_is_answered_all_the_same(hasty):
    with Line(hasty, seconds=20) as line:
        line.ask("POST", "/code", b"code=", Content_Length=50,
                 Content_Type="application/x-www-form-urlencoded")  # fmt: skip
        assert line.answer().status == 408
        assert line.is_ended()


def test_a_form_that_trickles_is_answered_all_the_same(hasty):
    with Line(hasty, seconds=20) as line:
        line.ask("POST", "/", Content_Length=60_000, Content_Type="application/x-www-form-urlencoded")
        line.trickle(b"x" * 100, every=0.05)
        assert line.answer().status == 408


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: "])
def test_a_header_that_never_ends_is_cut_off(hasty, begun):
    with Line(hasty) as line:
        line.say(begun)
        assert line.is_ended()


def test_a_header_that_trickles_is_cut_off(hasty):
    with Line(hasty) as line:
        line.trickle(b"GET / HTTP/1.1\r\nX-A: " + b"x" * 100, every=0.05)
        assert line.is_ended()


def test_more_unfinished_headers_than_threads_do_not_stop_the_house(hasty):
    lines = [Line(hasty) for _ in range(20)]
    try:
        for line in lines:
            line.say(b"GET / HTTP/1.1\r\n")
        assert hasty.get("/healthz").status == 200
    finally:
        for line in lines:
            line.sock.close()


def test_who_asks_for_pages_and_takes_none_is_cut_off(hasty):
    with Line(hasty) as line:
        line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.say(f"GET /help HTTP/1.1\r\nHost: {line.host}\r\n\r\n".encode() * 2000)
        with pytest.raises(ConnectionError):
            say_on(line)


def say_on(line):
    for _ in range(300):
        line.say(b"\r\n")
        time.sleep(0.1)


class TestLeaving:
    """A download under way."""

    SIZE = 16 << 20

    @pytest.fixture
    def address(self, hasty, account):
        """The address of a large file's bytes, made ready by a worker."""
        sent = send_tus(hasty, account, os.urandom(self.SIZE), filename="stor.bin")
        assert sent.status == 204, sent.text
        hasty.work()
        return self.link(hasty, account)

    @staticmethod
    def link(house, account):
        """As the letter would say it."""
        (file,) = listed(house, account)
        code = (
            "from django.conf import settings; from filsluss.models import TransferFile as F;"
            f"f = F.objects.get(public_id={file['public_id']!r});"
            "print('/download/' + f.token(settings.POLICY.link_keys), f.transfer.public_id)"
        )
        token, public_id = house.run("shell", "--no-imports", "-c", code).stdout.split()
        return token, public_id

    def read_some(self, line, path):
        line.sock.setsockopt(1, 8, 65536)  # SO_RCVBUF: little of it lies in buffers
        line.ask("GET", path)
        assert b"200" in line.line()
        assert len(line.sock.recv(4096)) > 0

    def drain(self, line):
        count = 0
        line.sock.settimeout(20)
        try:
            while data := line.sock.recv(1 << 20):
                count += len(data)
        except ConnectionResetError:
            pass
        return count

    @pytest.mark.parametrize("what", ["file", "zip"])
    def test_it_ends_when_the_file_is_removed_and_no_new_one_begins(self, hasty, account, address, what):
        link, public_id = address
        path = f"{link}/stor.bin" if what == "file" else f"{link.replace('download', 'zip')}/{public_id}.zip"
        with Line(hasty) as line:
            self.read_some(line, path)
            (file,) = listed(hasty, account)
            hasty.run("remove", file["public_id"], "--reason", "Fel fil")
            assert hasty.get(path).status == 410
            assert hasty.request("HEAD", path).status == 410
            end = time.monotonic() + 0.9
            while time.monotonic() < end:  # a slow reader, but one that reads
                line.sock.recv(1024)
                time.sleep(0.1)
            assert self.drain(line) < self.SIZE // 2

    def test_a_client_that_takes_nothing_is_let_go(self, hasty, account, address):
        link, _ = address
        with Line(hasty) as line:
            self.read_some(line, f"{link}/stor.bin")
            time.sleep(6)
            assert self.drain(line) < self.SIZE // 2
        (file,) = listed(hasty, account)
        assert file["fetched_at"] is None
        assert "Traceback" not in hasty.log_text()

    def test_it_goes_on_while_nothing_happens_to_the_file(self, hasty, account, address):
        link, _ = address
        with Line(hasty) as line:
            self.read_some(line, f"{link}/stor.bin")
            end = time.monotonic() + 1.5
            count = 0
            while time.monotonic() < end:
                count += len(line.sock.recv(1 << 18))
                time.sleep(0.05)
            assert count + self.drain(line) > self.SIZE - (1 << 18)  # but for what was read before
        assert json.loads(hasty.get(f"{account}/files").text)["files"][0]["fetched_at"] is not None


def test_a_deferred_upload_that_stalls_may_be_ended(hasty, account):
    created = hasty.request("POST", f"{account}/files", b"", {**TUS, "Upload-Defer-Length": "1"})
    with Line(hasty) as line:
        line.append(created.location, 0, b"abc", length=9)
        assert line.answer().code == "read_timeout"
    assert append(hasty, created.location, 3, b"", Upload_Length="3").status == 204

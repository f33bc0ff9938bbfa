"""Whoever has not said all of a request yet holds no thread, and nobody else waits for it."""

import contextlib
import sys

import pytest

from tests.parts.house import House
from tests.parts.people import FORM as FROM_INSIDE
from tests.parts.people import announce, apply
from tests.parts.raw import Line

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
def narrow(tmp_path_factory, database_server):
    """A house of the usual patience, with few threads."""
    with contextlib.ExitStack() as stack:
        own = {}
        if database_server:
            own["DATABASE_URL"] = stack.enter_context(database_server.database("narrow"))
        house = House(tmp_path_factory.mktemp("narrow") / "house", THREADS=str(THREADS), **own)
        house.start()
        stack.callback(house.leave)
        yield house


@pytest.fixture
def lines(narrow):
    """More than there are threads."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Line(narrow)) for _ in range(3 * THREADS)]


def are_held(lines):
    """Whether every one of them is still waited for."""
    for line in lines:
        line.sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            line.sock.recv(1)
        line.sock.settimeout(30)
    return True


@pytest.mark.parametrize("begun", BEGUN.values(), ids=BEGUN)
def test_half_a_request_holds_no_thread(narrow, lines, begun):
    for line in lines:
        line.say(begun)
    assert narrow.get("/healthz").status == 200
    assert are_held(lines)


def test_uploads_that_do_not_come_take_no_thread_from_pages(narrow, lines):
    account = apply(narrow, FROM_INSIDE).location
    announced = [announce(narrow, account, 5).location for _ in lines]
    for line, where in zip(lines, announced, strict=True):
        line.append(where, 0, length=5)
    assert narrow.get("/").status == 200
    assert narrow.post("/", {"sender_name": "Anna Berg"}).status == 422
    assert are_held(lines)


def test_half_a_request_behind_a_whole_one_holds_no_thread(narrow, lines):
    for line in lines:
        line.say(MISDIRECTED + MISDIRECTED[:20])
    assert [line.answer().status for line in lines] == [421] * len(lines)
    assert narrow.get("/healthz").status == 200
    assert are_held(lines)
    for line in lines:
        line.say(MISDIRECTED[20:])
    assert [line.answer().status for line in lines] == [421] * len(lines)


def test_a_request_that_comes_in_pieces_is_answered_when_it_is_there(narrow):
    body = b"sender_name=Anna+Berg"
    whole = f"POST / HTTP/1.1\r\nHost: {narrow.url[7:]}\r\nContent-Length: {len(body)}\r\n".encode()
    whole += b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + body
    for cut in (1, 30, len(whole) - len(body) - 2, len(whole) - len(body), len(whole) - 1):
        with Line(narrow) as line:
            line.say(whole[:cut])
            assert are_held([line])
            line.say(whole[cut:])
            assert line.answer().status == 422


def test_two_requests_at_once_are_answered_one_after_the_other(narrow):
    with Line(narrow) as line:
        line.say(MISDIRECTED * 2)
        assert [line.answer().status, line.answer().status] == [421, 421]


def test_who_leaves_half_way_is_let_go(narrow):
    for begun in (b"", b"GET / HT", FORM + b"\r\ncode="):
        with Line(narrow) as line:
            line.say(begun)
            line.say_no_more()
            assert line.is_ended()


def test_with_no_file_descriptor_left_the_house_waits_until_there_is_one(make_house):
    house = make_house(THREADS="200")
    limited = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))"
    start = f"{limited}; os.execv(sys.executable, [sys.executable, '-m', 'filsluss', *sys.argv[1:]])"
    house.program = [sys.executable, "-c", start]
    house.start()
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(Line(house))
        while "no room for another connection" not in house.log_text():
            assert house.is_running
    assert house.get("/healthz").status == 200
    assert "started again" not in house.log_text()

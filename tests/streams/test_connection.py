"""Connections that stall, reset, half-close or send malformed chunks: what came is kept, and no more."""

import hashlib
import json
import os
import socket
import time

import pytest

from tests.parts.eventually import eventually
from tests.parts.people import announce, append, offset_of
from tests.parts.raw_http import RawConnection, chunked
from tests.parts.stores import IN_BUCKET

TUS = {"Tus-Resumable": "1.0.0"}
MIB = 1 << 20
PART = 8 * MIB
DATA = os.urandom(3 * MIB)


def state_of(service, account):
    return [(file["size"], file["offset"], file["state"]) for file in listed(service, account)]


def listed(service, account):
    return json.loads(service.get(f"{account}/files").text)["files"]


def await_offset(service, account, offset):
    """Looks without disturbing the writer, as the page does. A bucket shows the rest of a part only later."""
    if IN_BUCKET and offset % PART:
        time.sleep(1)
        return
    eventually(lambda: listed(service, account)[-1]["offset"], lambda found: found == offset)


def await_ready(service, account):
    return eventually(lambda: listed(service, account)[-1], lambda file: file["state"] == "ready")


def finish(service, account, where, offset, data):
    """Goes on from there, and what is stored is what was sent."""
    assert append(service, where, offset, data[offset:]).status == 204
    assert await_ready(service, account)["sha256"] == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("how", ["close", "reset", "half_close"])
@pytest.mark.parametrize("plain", [False, True], ids=["fast", "chunked"])
def test_a_client_that_leaves_half_way_goes_on_from_every_byte_that_came(shared_service, account, how, plain):
    where = announce(shared_service, account, len(DATA)).location
    with RawConnection(shared_service) as connection:
        if plain:
            connection.send_patch(where, 0, length=None, Transfer_Encoding="chunked")
            connection.send(b"%x\r\n%s\r\n" % (MIB, DATA[:MIB]))
        else:
            connection.send_patch(where, 0, DATA[:MIB], length=len(DATA))
        await_offset(shared_service, account, MIB)
        connection.sock.close() if how == "close" else getattr(connection, how)()
        if how == "half_close":
            answer = connection.read_response()
            assert (answer.status, answer.code) == (503, "connection_reset")
            assert int(answer.headers["Upload-Offset"]) == offset_of(shared_service, where)
    assert offset_of(shared_service, where) == MIB
    finish(shared_service, account, where, MIB, DATA)


def test_a_half_closed_client_that_sent_everything_gets_its_answer(shared_service, account):
    where = announce(shared_service, account, 5).location
    with RawConnection(shared_service) as connection:
        connection.send_patch(where, 0, b"hello", length=5)
        connection.half_close()
        assert connection.read_response().status == 204


@pytest.mark.parametrize("plain", [False, True], ids=["fast", "chunked"])
def test_a_body_in_small_pieces_is_taken_whole(shared_service, account, plain):
    where = announce(shared_service, account, 40).location
    with RawConnection(shared_service) as connection:
        body = chunked(*[b"x"] * 40) if plain else b"x" * 40
        connection.send_patch(
            where, 0, length=None if plain else 40, **({"Transfer_Encoding": "chunked"} if plain else {})
        )
        connection.trickle(body, every=0.002)
        assert connection.read_response().status == 204


def test_a_chunk_that_is_announced_before_its_bytes_come_is_waited_for(shared_service, account):
    with RawConnection(shared_service) as connection:
        connection.send_request("PUT", f"{account}/a.txt", b"6\r\n", Transfer_Encoding="chunked")
        for words in (b"hejsan\r\n", b"1\r\n", b"!\r\n", b"0\r\n\r\n"):
            time.sleep(0.2)
            connection.send(words)
        assert connection.read_response().status == 201
    assert [file["size"] for file in listed(shared_service, account)] == [7]


def test_a_body_longer_than_it_promised_is_only_as_long(shared_service, account):
    """What follows is another request, and nonsense as such."""
    where = announce(shared_service, account, 9).location
    with RawConnection(shared_service) as connection:
        connection.send_patch(where, 0, b"01234and more", length=5)
        assert connection.read_response().headers["Upload-Offset"] == "5"
        connection.send(b"\r\n\r\n")
        assert connection.read_response().status == 400
    assert offset_of(shared_service, where) == 5


def test_the_next_request_on_the_connection_begins_where_the_body_ends(shared_service, account):
    where = announce(shared_service, account, 9).location
    with RawConnection(shared_service) as connection:
        connection.send_patch(where, 0, b"01234", length=5)
        connection.send_patch(where, 5, b"5678", length=4)
        assert [connection.read_response().headers["Upload-Offset"] for _ in range(2)] == ["5", "9"]


@pytest.mark.parametrize("pause", [0, 0.1], ids=["fast", "slow"])
def test_after_a_fast_body_its_end_and_a_short_request_are_not_waited_for(shared_service, account, pause):
    """Large pieces are waited for only while the sender is quick, and by nobody after the body."""
    where = announce(shared_service, account, len(DATA)).location
    begun = time.monotonic()
    with RawConnection(shared_service) as connection:
        connection.send_patch(where, 0, DATA[: 2 * MIB], length=len(DATA) - 1)
        for start in range(2 * MIB, len(DATA) - 1, MIB // 8):
            time.sleep(pause)
            connection.send(DATA[start : min(start + MIB // 8, len(DATA) - 1)])
        assert connection.read_response().headers["Upload-Offset"] == str(len(DATA) - 1)
        connection.send_patch(where, len(DATA) - 1, DATA[-1:], length=1)
        assert connection.read_response().headers["Upload-Offset"] == str(len(DATA))
    assert time.monotonic() - begun < 20  # a request that nothing wakes waits for ever
    assert await_ready(shared_service, account)["sha256"] == hashlib.sha256(DATA).hexdigest()


def test_two_pipelined_requests_are_told_apart(shared_service, account):
    where = announce(shared_service, account, 9).location
    with RawConnection(shared_service) as connection:
        head = (
            f"PATCH {where} HTTP/1.1\r\nHost: {connection.host}\r\nTus-Resumable: 1.0.0\r\n"
            "Content-Type: application/offset+octet-stream\r\nUpload-Offset: %d\r\nContent-Length: %d\r\n\r\n"
        )
        connection.send((head % (0, 5)).encode() + b"01234" + (head % (5, 4)).encode() + b"5678")
        assert [connection.read_response().headers["Upload-Offset"] for _ in range(2)] == ["5", "9"]


@pytest.mark.parametrize(
    "body",
    [
        b"5\r\nhello0\r\n\r\n",  # no end of the chunk
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"5;a=\nb\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\n0\n\n",
        b"g\r\nhello\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhelloworld\r\n0\r\n\r\n",  # longer than it says
    ],
)
def test_malformed_chunks_are_refused_and_never_make_a_file(shared_service, account, body):
    where = announce(shared_service, account, 9).location
    with RawConnection(shared_service) as connection:
        connection.send_patch(where, 0, body, length=None, Transfer_Encoding="chunked")
        connection.half_close()
        response = connection.read_response()
        assert (response.status, response.code) in [(503, "connection_reset"), (413, "too_large")]
        assert connection.is_closed_by_peer()
    kept = offset_of(shared_service, where)
    assert kept <= 5
    assert append(shared_service, where, kept, b"helloworl"[kept:]).status == 204


@pytest.mark.parametrize("plain", [False, True], ids=["fast", "chunked"])
def test_the_limit_is_counted_while_bytes_come(shared_service, account, plain):
    """A deferred length promises nothing, and neither do chunks."""
    where = announce(shared_service, account, 4).location
    with RawConnection(shared_service) as connection:
        if plain:
            connection.send_patch(where, 0, chunked(b"012", b"345"), length=None, Transfer_Encoding="chunked")
        else:
            connection.send_patch(where, 0, b"012345", length=6)
        response = connection.read_response()
        assert (response.status, response.code) == (413, "too_large")
    assert offset_of(shared_service, where) == 0


def test_a_chunked_body_that_ends_exactly_at_the_length_is_whole(shared_service, account):
    where = announce(shared_service, account, 6).location
    with RawConnection(shared_service) as connection:
        connection.send_patch(where, 0, chunked(b"012", b"345"), length=None, Transfer_Encoding="chunked")
        assert connection.read_response().status == 204


class TestAskingFirst:
    """Expect: 100-continue (RFC 9110, 10.1.1): a body is asked for only when it will be taken."""

    def test_a_body_that_is_wanted_is_asked_for(self, shared_service, account):
        where = announce(shared_service, account, 5).location
        with RawConnection(shared_service) as connection:
            connection.send_patch(where, 0, length=5, Expect="100-continue")
            assert connection.read_line() == b"HTTP/1.1 100 Continue"
            assert connection.read_line() == b""
            connection.send(b"hello")
            assert connection.read_response().status == 204

    @pytest.mark.parametrize(
        ("offset", "kind", "status"),
        [(3, "application/offset+octet-stream", 409), (0, "text/plain", 415)],
    )
    def test_a_body_that_is_refused_is_never_asked_for(self, shared_service, account, offset, kind, status):
        where = announce(shared_service, account, 5).location
        with RawConnection(shared_service) as connection:
            connection.send_patch(where, offset, length=5, Expect="100-continue", Content_Type=kind)
            assert connection.read_response().status == status
            assert connection.is_closed_by_peer()

    def test_a_creation_too_large_is_refused_without_its_body(self, shared_service, account):
        with RawConnection(shared_service) as connection:
            connection.send_request(
                "POST",
                f"{account}/files",
                Tus_Resumable="1.0.0",
                Upload_Length=2**31 + 1,
                Content_Type="application/offset+octet-stream",
                Content_Length=2**31 + 1,
                Expect="100-continue",
            )
            assert connection.read_response().status == 413
        assert listed(shared_service, account) == []

    def test_a_form_of_a_page_is_asked_for(self, shared_service):
        with RawConnection(shared_service) as connection:
            connection.send_request(
                "POST",
                "/code",
                Expect="100-continue",
                Content_Length=6,
                Content_Type="application/x-www-form-urlencoded",
            )
            assert connection.read_line() == b"HTTP/1.1 100 Continue"
            assert connection.read_line() == b""
            connection.send(b"code=X")
            assert connection.read_response().status == 422

    def test_a_put_whose_name_is_refused_is_never_asked_for(self, shared_service, account):
        with RawConnection(shared_service) as connection:
            connection.send_request("PUT", f"{account}/%00", Expect="100-continue", Content_Length=5)
            assert connection.read_response().status == 400

    def test_another_expectation_fails(self, shared_service, account):
        where = announce(shared_service, account, 5).location
        with RawConnection(shared_service) as connection:
            connection.send_patch(where, 0, length=5, Expect="a-miracle")
            assert connection.read_response().status == 417


def test_a_refusal_arrives_though_the_client_goes_on_sending(shared_service, account):
    """Many clients look for the answer only after their whole body."""
    where = announce(shared_service, account, 8 * MIB).location
    with RawConnection(shared_service) as connection:
        connection.send_patch(where, 1, length=8 * MIB)
        connection.send(bytes(8 * MIB))
        assert connection.read_response().status == 409
    assert offset_of(shared_service, where) == 0


def test_the_method_may_be_named_in_a_header_of_a_post(shared_service, account):
    where = announce(shared_service, account, 3).location
    kind = {**TUS, "Content-Type": "application/offset+octet-stream"}
    looked = shared_service.request("POST", where, b"", {**kind, "X-HTTP-Method-Override": "HEAD"})
    assert (looked.status, looked.headers["Upload-Offset"], looked.body) == (200, "0", b"")
    sent = shared_service.request(
        "POST", where, b"012", {**kind, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    )
    assert (sent.status, sent.headers["Upload-Offset"]) == (204, "3")
    for other in ("PUT", "TRACE", "patch", "GET", ""):
        assert (
            shared_service.request("POST", where, b"", {**TUS, "X-HTTP-Method-Override": other}).status == 405
        )
    assert (
        shared_service.request("POST", where, b"", {**TUS, "X-HTTP-Method-Override": "DELETE"}).status == 204
    )
    assert shared_service.request("HEAD", where, b"").status == 410


def test_three_hundred_half_open_connections_keep_nobody_waiting(shared_service, account):
    opened = []
    try:
        for number in range(300):
            sock = socket.create_connection(("127.0.0.1", shared_service.port))
            if number % 2:
                sock.sendall(b"GET / HT")  # and no more
            opened.append(sock)
        assert shared_service.get("/healthz").status == 200
        where = announce(shared_service, account, 5).location
        assert append(shared_service, where, 0, b"hello").status == 204
    finally:
        for sock in opened:
            sock.close()


def test_clients_that_do_not_hang_up_keep_nobody_else_waiting(shared_service):
    """They asked for the end of the connection and then leave it open."""
    opened = []
    try:
        for _ in range(40):
            connection = RawConnection(shared_service)
            connection.send_request("GET", "/healthz", Connection="close")
            opened.append(connection)
        assert [connection.read_response().status for connection in opened] == [200] * 40
        with RawConnection(shared_service, seconds=20) as late:
            late.send_request("GET", "/healthz")
            assert late.read_response().status == 200
    finally:
        for connection in opened:
            connection.sock.close()

"""What a download answers to HEAD, to a range and to a condition, and which of them count as a fetch."""

import json
import socket
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest

from tests.parts.eventually import eventually

DATA = bytes(range(256)) * 8
SIZE = len(DATA)


def test_head_says_what_get_says_and_sends_nothing(shared_service, ready):
    address = ready(DATA)
    got, head = shared_service.get(address), shared_service.request("HEAD", address)
    varying = {"Date", "X-Request-ID"}
    assert {k: v for k, v in got.headers.items() if k not in varying} == {
        k: v for k, v in head.headers.items() if k not in varying
    }
    assert (got.status, got.body, head.status, head.body) == (200, DATA, 200, b"")
    assert head.headers["Content-Length"] == str(SIZE)
    assert head.headers["Accept-Ranges"] == "bytes"
    assert head.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in head.headers["Content-Security-Policy"]
    assert head.headers["Content-Disposition"].startswith("attachment")
    assert head.headers["ETag"].startswith('"')


RANGES = [
    (None, 200, None),
    ("bytes=0-0", 206, "bytes 0-0/2048"),
    ("bytes=-1", 206, "bytes 2047-2047/2048"),
    ("bytes=-0", 416, "bytes */2048"),
    ("bytes=5-1", 200, None),
    ("bytes=2048-", 416, "bytes */2048"),
    ("bytes=9999-10000", 416, "bytes */2048"),
    ("bytes=abc", 200, None),
    ("items=0-1", 200, None),
    ("bytes = 0-1", 200, None),
    ("bytes=0-" + "9" * 400, 206, "bytes 0-2047/2048"),
    ("bytes=1000-", 206, "bytes 1000-2047/2048"),
    ("bytes=0-1,4-5", 200, None),
    ("bytes=" + ",".join(f"{n}-{n}" for n in range(101)), 200, None),
]


def asked(case):
    return (str(case[0]) if len(str(case[0])) < 40 else str(case[0])[:40] + " …") if case else ""


@pytest.fixture(scope="module")
def fetched():
    """The one file that all ranges are asked of, once it is there."""
    return {}


@pytest.mark.parametrize("case", RANGES, ids=asked)
def test_one_range_is_sent_and_anything_else_is_the_whole_file(shared_service, ready, fetched, case):
    wanted, status, said = case
    address = fetched.setdefault("address", None) or ready(DATA)
    fetched["address"] = address
    answer = shared_service.get(address, **({"Range": wanted} if wanted else {}))
    assert (answer.status, answer.headers["Content-Range"]) == (status, said)
    if status == 206:
        first, last = (int(part) for part in said.split()[1].partition("/")[0].split("-"))
        assert answer.body == DATA[first : last + 1]
    if status == 200:
        assert answer.body == DATA
    head = shared_service.request("HEAD", address, headers={"Range": wanted} if wanted else {})
    assert (head.status, head.headers["Content-Length"]) == (200, str(SIZE))


def test_five_thousand_ranges_fit_in_no_header_or_are_the_whole_file(shared_service, ready):
    many = "bytes=" + ",".join("0-0" for _ in range(5000))
    assert shared_service.get(ready(DATA), Range=many).status in (200, 400, 431)


def test_a_range_of_another_version_is_the_whole_file(shared_service, ready):
    address = ready(DATA)
    etag = shared_service.request("HEAD", address).headers["ETag"]
    part = shared_service.get(address, Range="bytes=10-19", If_Range=etag)
    assert (part.status, part.body) == (206, DATA[10:20])
    for other in ('"another"', f"W/{etag}", "Tue, 24 Nov 2026 10:00:00 GMT"):
        whole = shared_service.get(address, Range="bytes=10-19", If_Range=other)
        assert (whole.status, whole.body) == (200, DATA)


def test_what_the_client_has_already_is_not_sent_again(shared_service, ready):
    address = ready(DATA)
    etag = shared_service.request("HEAD", address).headers["ETag"]
    for held in (etag, f'"x", {etag}', "*"):
        answer = shared_service.get(address, If_None_Match=held)
        assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", etag)
    assert shared_service.get(address, If_None_Match='"x"').status == 200
    assert shared_service.get(address, If_Match='"x"').status == 412
    assert shared_service.get(address, If_Match=etag).status == 200


def test_a_date_that_the_client_names_is_heeded_where_it_names_no_tag(shared_service, ready):
    address = ready(DATA)
    head = shared_service.request("HEAD", address).headers
    changed, etag = head["Last-Modified"], head["ETag"]
    assert parsedate_to_datetime(changed) <= parsedate_to_datetime(head["Date"])
    before, after = "Tue, 21 Oct 2025 07:28:00 GMT", "Wed, 21 Oct 2099 07:28:00 GMT"
    for since, status in ((changed, 304), (after, 304), (before, 200), ("yesterday", 200)):
        assert shared_service.get(address, If_Modified_Since=since).status == status
    for since, status in ((changed, 200), (after, 200), (before, 412), ("yesterday", 200)):
        assert shared_service.get(address, If_Unmodified_Since=since).status == status
    assert shared_service.get(address, If_Modified_Since=after, If_None_Match='"x"').status == 200
    assert shared_service.get(address, If_Unmodified_Since=before, If_Match=etag).status == 200
    assert shared_service.get(address, If_Modified_Since=after, Range="bytes=0-0").status == 304


def test_a_file_carries_the_date_that_its_sender_gave(shared_service, ready):
    at = datetime(2020, 2, 29, 12, 0, 1, tzinfo=UTC)
    address = ready(DATA, lastmodified=str(int(at.timestamp() * 1000) + 999))
    assert shared_service.request("HEAD", address).headers["Last-Modified"] == "Sat, 29 Feb 2020 12:00:01 GMT"


def fetched_at(service, account):
    (file,) = json.loads(service.get(f"{account}/files").text)["files"]
    return file["fetched_at"]


def comes_to_be_fetched(service, account):
    """It is written down when the response is over, a moment after the client has the last byte."""
    return eventually(lambda: fetched_at(service, account))


def test_a_fetch_is_one_that_had_every_byte_in_any_order(shared_service, ready, account):
    address = ready(DATA)
    shared_service.request("HEAD", address)
    shared_service.get(address, Range="bytes=0-99")
    shared_service.get(address, Range="bytes=-1")
    shared_service.get(address, Range="bytes=200-")  # 100 to 199 are missing
    shared_service.get(address, If_None_Match="*")
    shared_service.get(address, Range=f"bytes={SIZE}-")
    shared_service.get(address, Range="bytes=100-198")
    time.sleep(0.5)  # longer than it takes to record a response that is over
    assert fetched_at(shared_service, account) is None
    shared_service.get(address, Range="bytes=199-199")
    assert comes_to_be_fetched(shared_service, account)


def test_a_client_that_hangs_up_has_not_fetched(shared_service, ready, account):
    data = bytes(64 << 20)  # more than all that sockets hold on the way
    address = ready(data)
    with socket.create_connection(("127.0.0.1", shared_service.port)) as connection:
        host = urlsplit(shared_service.url).netloc
        connection.sendall(f"GET {address} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")
    # The rest by itself is no whole fetch either, as long as what the first one took is unknown to be enough.
    shared_service.get(address, Range="bytes=-1")
    assert fetched_at(shared_service, account) is None
    shared_service.get(address)
    assert comes_to_be_fetched(shared_service, account)


def test_an_empty_file_is_fetched_by_asking_for_it(shared_service, ready, account):
    address = ready(b"")
    shared_service.request("HEAD", address)
    assert fetched_at(shared_service, account) is None
    answer = shared_service.get(address)
    assert (answer.status, answer.body) == (200, b"")
    assert comes_to_be_fetched(shared_service, account)

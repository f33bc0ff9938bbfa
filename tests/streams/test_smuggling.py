"""Request smuggling: requests that two parsers might read differently are refused or harmless."""

import pytest

from tests.parts.raw_http import RawConnection
from tests.streams.test_connection import listed

GET = "GET / HTTP/1.1\r\nHost: {host}\r\n"
POST = "POST /code HTTP/1.1\r\nHost: {host}\r\n"
NONE = "0\r\n\r\n"
HIDDEN = b"GET /healthz HTTP/1.1\r\nHost: hidden\r\n\r\n"


def all_statuses(connection):
    """Reads until the service closes the connection or sends nothing more; the statuses of its responses."""
    answers = b""
    connection.sock.settimeout(1.0)
    try:
        while data := connection.sock.recv(1 << 16):
            answers += data
    except (TimeoutError, ConnectionResetError):
        pass
    return [int(part[1:4]) for part in answers.split(b"HTTP/1.1")[1:]]


def send(service, text, body=b""):
    with RawConnection(service) as connection:
        connection.send(text.replace("{host}", connection.host).encode("latin-1") + body)
        connection.half_close()
        return all_statuses(connection)


REFUSED = {
    "no host": ("GET / HTTP/1.1\r\n\r\n", {400, 421}),
    "two hosts": (GET + "Host: {host}\r\n\r\n", {400}),
    "a foreign host": ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", {421}),
    "a foreign absolute address": (
        "GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        {400, 421},
    ),
    "a length beside chunks": (
        POST + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + NONE,
        {400},
    ),
    "two equal lengths": (POST + "Content-Length: 4\r\nContent-Length: 4\r\n\r\nab=c", {400}),
    "two unlike lengths": (POST + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nab=c", {400}),
    "a length of 2^64+1": (POST + "Content-Length: 18446744073709551617\r\n\r\nab=c", {400, 413, 422}),
    "a negative length": (POST + "Content-Length: -4\r\n\r\nab=c", {400}),
    "a length with a sign": (POST + "Content-Length: +4\r\n\r\nab=c", {400}),
    "a list of lengths": (POST + "Content-Length: 4,4\r\n\r\nab=c", {400}),
    "lines that end with LF": ("GET / HTTP/1.1\nHost: {host}\n\n", {400}),
    "a folded line": (GET + "X-A: b\r\n c\r\n\r\n", {400}),
    "a blank before the colon": (GET + "Content-Length : 4\r\n\r\n", {400}),
    "chunks in HTTP/1.0": (
        "POST /code HTTP/1.0\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n" + NONE,
        {400},
    ),
    "chunked twice": (POST + "Transfer-Encoding: chunked, chunked\r\n\r\n" + NONE, {400}),
    "chunked, but not last": (POST + "Transfer-Encoding: chunked, gzip\r\n\r\n" + NONE, {400, 501}),
    "an unknown coding": (POST + "Transfer-Encoding: xchunked\r\n\r\n" + NONE, {400, 501}),
    "a coding after a tab": (POST + "Transfer-Encoding:\x0bchunked\r\n\r\n" + NONE, {400, 501}),
    "a NUL in a header": (GET + "X-A: \x00\r\n\r\n", {400}),
    "a bare CR in a header": (GET + "X-A: a\rX-B: b\r\n\r\n", {400}),
    "an address of 20 kB": ("GET /" + "a" * 20_000 + " HTTP/1.1\r\nHost: {host}\r\n\r\n", {414, 400}),
    "a header of 100 kB": (GET + "X-A: " + "a" * 100_000 + "\r\n\r\n", {431, 400}),
    "2,000 headers": (GET + "".join(f"X-{n}: a\r\n" for n in range(2000)) + "\r\n", {431, 400}),
    "a version of the future": ("GET / HTTP/9.1\r\nHost: {host}\r\n\r\n", {400, 505}),
    "no version": ("GET /\r\n\r\n", {400}),
    "a method in small letters": ("get / HTTP/1.1\r\nHost: {host}\r\n\r\n", {400, 405, 501}),
    "the preface of HTTP/2": ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505, 421}),
    "a name with an underscore": (POST + "Content_Length: 400\r\nContent-Length: 0\r\n\r\n", {422, 400}),
    "TRACE": ("TRACE / HTTP/1.1\r\nHost: {host}\r\n\r\n", {405}),
    "CONNECT": ("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", {400, 404, 405, 421}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_request_that_may_be_read_in_two_ways_gets_one_refusal(shared_service, case):
    text, statuses = REFUSED[case]
    answers = send(shared_service, text)
    assert len(answers) == 1, answers
    assert set(answers) <= statuses, answers


AMBIGUOUS = (
    "a length beside chunks",
    "two equal lengths",
    "two unlike lengths",
    "a length of 2^64+1",
    "chunks in HTTP/1.0",
    "chunked twice",
    "chunked, but not last",
    "an unknown coding",
)


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_what_follows_such_a_request_is_never_answered(shared_service, case):
    """The connection ends with the refusal: where another request would begin is anybody's guess."""
    text, statuses = REFUSED[case]
    answers = send(shared_service, text, HIDDEN)
    assert len(answers) == 1, answers
    assert set(answers) <= statuses


@pytest.mark.parametrize(
    "path", ["/%00", "/upload/..%2f..%2fetc%2fpasswd", "/%zz", "/download/%2e%2e/%00", "//x"]
)
def test_a_strange_path_is_not_found(shared_service, path):
    (status,) = send(shared_service, f"GET {path} HTTP/1.1\r\nHost: {{host}}\r\n\r\n")
    assert status in (400, 404)


@pytest.mark.parametrize(
    "body",
    [
        b"0\r\n\r\n" + HIDDEN,
        b"5\r\nhello\r\n0\r\nTransfer-Encoding: x\r\nContent-Length: 5\r\n\r\n" + HIDDEN,
        b"5 \r\nhello\r\n0\r\n\r\n" + HIDDEN,
        b"5;x\r\nhello\r\n0\r\n\r\n" + HIDDEN,
    ],
)
def test_a_refused_chunked_append_discards_what_follows_it(shared_service, account, body):
    """Its body is not read, so its end is not known: nothing after it is taken for a request."""
    with RawConnection(shared_service) as connection:
        connection.send_patch(
            f"{account}/files/{'x' * 22}", 0, body, length=None, Transfer_Encoding="chunked"
        )
        connection.half_close()
        assert all_statuses(connection) == [404]


def test_a_refused_append_discards_what_follows_it(shared_service, account):
    with RawConnection(shared_service) as connection:
        connection.send_patch(f"{account}/files/{'x' * 22}", 0, HIDDEN, length=len(HIDDEN))
        connection.half_close()
        assert all_statuses(connection) == [404]


def test_metadata_never_becomes_a_header_of_its_own(shared_service, account):
    """It is echoed as it came, and may hold no line break (tus, "creation")."""
    with RawConnection(shared_service) as connection:
        connection.send(
            f"POST {account}/files HTTP/1.1\r\nHost: {connection.host}\r\nTus-Resumable: 1.0.0\r\n"
            "Upload-Length: 5\r\nUpload-Metadata: filename YQ==\rSet-Cookie: x=1\r\n\r\n".encode()
        )
        connection.half_close()
        assert all_statuses(connection) == [400]
    assert listed(shared_service, account) == []

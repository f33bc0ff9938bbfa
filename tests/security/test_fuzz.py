"""Whatever is sent, the service gives a documented response, and works as before."""

import socket
import threading

import pytest

from tests.parts import fuzz
from tests.parts.service import Service

# Not "live": it would run on PostgreSQL again, while the service that a run makes is on SQLite.
pytestmark = [pytest.mark.timeout(7200)]
WHOLE, CUT_SHORT = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\nHo"


def holds(outcome, damage, *, least):
    assert (outcome.faults, damage) == ([], "")
    assert outcome.count >= least
    assert {200, 400, 404} <= set(outcome.statuses)


def test_some_thousand_malformed_requests_meet_no_fault():
    holds(*fuzz.run(seed=1, seconds=300, count=3000), least=3000)


@pytest.mark.full
def test_a_hundred_thousand_malformed_requests_meet_no_fault():
    holds(*fuzz.run(seed=2, seconds=6000, count=100_000), least=100_000)


@pytest.fixture
def ask(tmp_path):
    """How the run judges a request, if this is the response."""

    def ask(request, said):
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def answer():
                connection, _ = listener.accept()
                with connection:
                    while connection.recv(1 << 16):
                        pass
                    connection.sendall(said)

            server = threading.Thread(target=answer)
            server.start()
            service = Service(tmp_path / "nobody")
            service.port = listener.getsockname()[1]
            found = fuzz.Fuzz(service, None).ask(request, client="127.0.0.1")
            server.join()
            return found

    return ask


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 500 Internal Server Error\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 Internal Server Error\r\n\r\n",
        b'HTTP/1.1 503 Service Unavailable\r\n\r\n{"code": "made_up"}',
        b"HTTP/1.1 503 Service Unavailable\r\n\r\nno word of why",
        b'HTTP/1.1 507 Insufficient Storage\r\n\r\n{"code": "busy"}',
        b"Traceback (most recent call last)",
        b"",
    ],
)
def test_what_should_never_be_answered_counts_as_a_fault(ask, said):
    assert ask(WHOLE, said)[1]


def test_what_may_be_answered_does_not(ask):
    assert ask(WHOLE, b"HTTP/1.1 404 Not Found\r\n\r\n") == (404, "")
    assert ask(WHOLE, b'HTTP/1.1 503 Service Unavailable\r\n\r\n{"code": "busy"}') == (503, "")
    assert ask(CUT_SHORT, b"") == (0, "")

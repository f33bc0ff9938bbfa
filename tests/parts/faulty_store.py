"""A proxy before a store that speaks S3, which answers in its place as stores do when something is wrong."""

import http.client
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

ERROR = '<?xml version="1.0"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'
ANSWERS = {
    "error": (500, "InternalError"),
    "busy": (503, "SlowDown"),
    "wrong key": (403, "InvalidAccessKeyId"),
    "redirect": (307, "TemporaryRedirect"),
    "denied": (403, "AccessDenied"),
    "full": (507, "InsufficientStorage"),
    "no such key": (404, "NoSuchKey"),
}
OTHERS = (
    "truncated",
    "lost",
    "whole",
    "other range",
    "more",
    "no XML",
    "no such page",
    "empty list",
    "nothing",
    "was gone",
)
"""Half of the body of an answer comes; the answer to a request that was done does not come; the range is

passed over; it is another one; more bytes come than the range has; a page of some proxy comes instead, also
one that says 404; a list has nothing; there is no body and nothing in the headers;
of what was to be deleted, one object was not there.
"""
OF_CONNECTION = {"connection", "transfer-encoding", "content-length", "date", "server"}


def spoiled(
    fault: str, status: int, headers: dict[str, str], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    """An answer as such a store gives it."""
    others = {name: value for name, value in headers.items() if name.lower() != "content-range"}
    match fault:
        case "was gone":
            told = "<DeleteResult><Error><Key>one</Key><Code>NoSuchKey</Code></Error></DeleteResult>"
            return 200, {"Content-Type": "application/xml"}, told.encode()
        case "whole":
            return 200, others, b"before" + body
        case "other range":
            return status, {**others, "Content-Range": f"bytes 1-{len(body)}/{len(body) + 1}"}, body[::-1]
        case "more":
            return status, headers, body + b"behind"
        case "no XML":
            return 200, {"Content-Type": "text/html"}, b"<html>Welcome"
        case "empty list":
            return 200, {"Content-Type": "application/xml"}, b"<ListVersionsResult></ListVersionsResult>"
        case "no such page":
            return 404, {"Content-Type": "text/html"}, b"<html>404 Not Found"
    return status, headers, body


class FaultyStore:
    """Listens on `port`. `fault` is one of ANSWERS or OTHERS, for requests of these `methods`; empty: none.

    `delay` is in seconds for each request, `rate` in bytes a second; 0 is no limit. Once it has stopped it
    takes requests and answers none until it is healed, and then all of them; `waiting` says how many.
    """

    def __init__(self, target: int) -> None:
        self.target, self.fault = target, ""
        self.methods: tuple[str, ...] = ("PUT", "GET", "POST", "DELETE")
        self.delay, self.rate = 0.0, 0
        self.met = self.waiting = 0
        self._goes_on = Event()
        self._goes_on.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        Thread(target=self._server.serve_forever, daemon=True).start()

    def fail(self, fault: str, *methods: str) -> None:
        assert fault in ANSWERS or fault in OTHERS
        self.fault, self.met = fault, 0
        self.methods = methods

    def stop(self) -> None:
        self.waiting = 0
        self._goes_on.clear()

    def pass_by(self) -> None:
        """Returns when a request may be answered."""
        self.waiting += not self._goes_on.is_set()
        self._goes_on.wait()

    def heal(self) -> None:
        self.fault, self.delay, self.rate = "", 0.0, 0
        self._goes_on.set()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        class Handler(_Handler):
            store = self

        return Handler


class _Handler(BaseHTTPRequestHandler):
    store: FaultyStore
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        store = self.store
        store.pass_by()
        time.sleep(store.delay + (len(body) / store.rate if store.rate else 0))
        fault = store.fault if self.command in store.methods else ""
        store.met += bool(fault)
        if fault == "nothing":
            self.send(200, {}, b"")
            return
        if fault in ANSWERS:
            status, code = ANSWERS[fault]
            self.send(status, {"Content-Type": "application/xml"}, ERROR.format(code=code).encode())
            return
        status, headers, found = self.ask(body)
        if fault == "lost":
            self.close_connection = True
            return
        self.send(*spoiled(fault, status, headers, found), half=fault == "truncated" and bool(found))

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815 -- their names are the library's

    def ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """What the store says to the same request, whose signature covers the Host header, too."""
        connection = http.client.HTTPConnection("127.0.0.1", self.store.target, timeout=60)
        try:
            passed = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
            connection.request(self.command, self.path, body or None, passed)
            said = connection.getresponse()
            headers = {name: value for name, value in said.getheaders() if name.lower() not in OF_CONNECTION}
            if self.command == "HEAD":
                headers["Content-Length"] = said.getheader("Content-Length") or "0"
            return said.status, headers, said.read()
        finally:
            connection.close()

    def send(self, status: int, headers: dict[str, str], body: bytes, *, half: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.command != "HEAD" and status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(body[: len(body) // 2] if half else body)
        if half:
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """A test reads the services' logs, not ours."""

"""An HTTP proxy that takes in each body whole before it passes it on, and may refuse or give up on it."""

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PIECE = 1 << 16
OWN_TO_A_CONNECTION = ("connection", "keep-alive", "transfer-encoding", "content-length")


class GatheringProxy(ThreadingHTTPServer):
    """Listens on `url`, the service's BASE_URL. Its attributes may be changed at any time.

    `rate`: bytes a second of all bodies; `patience`: seconds, then a body that is not whole is answered 504;
    `body_limit`: bytes, a larger body is answered 413 before it is read; `bodies`: the length of each.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.rate, self.patience, self.body_limit = 1e9, 1e9, 1 << 40
        self.service_port = 0
        self.service: Any = None
        self.bodies: list[int] = []
        self._lock = threading.Lock()
        self._free_at = 0.0

    def server_bind(self) -> None:
        # A large buffer would take in megabytes before the browser noticed that the connection is slow.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
        super().server_bind()

    def throttle(self, count: int) -> None:
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now) + count / self.rate
            pause = self._free_at - now
        time.sleep(pause)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away is no fault."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: GatheringProxy

    def do_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length:
            self.server.bodies.append(length)
        if length > self.server.body_limit:
            return self.give_up(413)
        body = self.gather(length)
        return self.give_up(504) if body is None else self.forward(body)

    def gather(self, length: int) -> bytes | None:
        """The whole body; None if it is not here in time."""
        body, end = b"", time.monotonic() + self.server.patience
        while len(body) < length:
            piece = self.rfile.read1(min(PIECE, length - len(body)))
            if not piece:
                raise ConnectionError("the browser is gone")
            self.server.throttle(len(piece))
            if time.monotonic() > end:
                return None
            body += piece
        return body

    def give_up(self, status: int) -> None:
        """An answer of the proxy's own; what still comes is discarded for a while, so that it is heard."""
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        self.connection.settimeout(1)
        with contextlib.suppress(OSError):
            while self.rfile.read1(PIECE):
                pass

    def forward(self, body: bytes) -> None:
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.service_port, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        upstream.request(self.command, self.path, body or None, headers)
        answer = upstream.getresponse()
        data = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in OWN_TO_A_CONNECTION:
                self.send_header(name, value)
        if answer.status not in (204, 304):
            length = answer.getheader("Content-Length") if self.command == "HEAD" else len(data)
            self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        self.wfile.write(data)
        upstream.close()

    def log_message(self, *words: Any, **more: Any) -> None:
        """Not wanted."""


for method in ("GET", "HEAD", "POST", "PATCH", "DELETE"):
    setattr(Handler, f"do_{method}", Handler.do_any)


@contextlib.contextmanager
def start_gathering_proxy() -> Iterator[GatheringProxy]:
    with GatheringProxy() as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        try:
            yield proxy
        finally:
            proxy.shutdown()

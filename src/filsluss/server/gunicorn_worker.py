"""gunicorn's threaded worker, changed so that a client that sends its request slowly holds no thread."""

import contextlib
import logging
import re
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from selectors import EVENT_READ
from typing import Any, NamedTuple

from gunicorn.workers.gthread import TConn, ThreadWorker

from filsluss.streams import body

HEADER_SECONDS = 10.0
"""For a whole request header."""
HEAD_MAX = 64 * 1024
PAGE_THREADS, ANSWER_SECONDS = 200, 300.0
"""ANSWER_SECONDS is for a page thread to produce and send its response."""
CHECK_INTERVAL, ACCEPT_PAUSE_SECONDS = 0.25, 0.05
LINGER_SECONDS = 2.0

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,20})[ \t]*\r\n", re.IGNORECASE)
EXPECTS = re.compile(rb"\r\nexpect[ \t]*:", re.IGNORECASE)
BODY = re.compile(rb"\r\n(?:content-length|transfer-encoding|expect)", re.IGNORECASE)
# Requests we cannot classify (an absolute URL, a percent-encoded path) go to the byte pool, because page
# threads must never block on a client.
BYTE_REQUEST = re.compile(
    rb"(?:GET|HEAD) /(?:upload|download|zip)/[^/ ?]+/|(?!GET |HEAD )\S+ /upload/|\S+ (?:[^/]|[^ ?]*%)"
)

log = logging.getLogger(__name__)


@dataclass
class PendingRequest:
    """A request in the poller: its deadline, and how many bytes must be readable before it is looked at."""

    deadline: float
    low_water: int = 1
    is_form: bool = False


class Peek(NamedTuple):
    """What a request's first bytes tell; `missing` bytes must arrive before it gets a thread."""

    missing: int
    is_form: bool = False
    is_bytes: bool = True


class FilslussWorker(ThreadWorker):
    """Keeps incomplete requests in the poller, each until a deadline. Relies on gunicorn 27's internals."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadlines: dict[TConn, float] = {}
        self._pending: dict[TConn, PendingRequest] = {}
        self._checked_at, self._full_logged_at = 0.0, -HEADER_SECONDS

    def accept(self, listener: socket.socket) -> None:
        """Puts a new connection into the poller instead of a thread."""
        try:
            sock, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as fault:
            self._log_full(fault)
            time.sleep(ACCEPT_PAUSE_SECONDS)  # the listener stays readable: without a pause we would spin
            return
        conn = TConn(self.cfg, sock, address, listener.getsockname())
        self.nr_conns += 1
        self._wait(conn, PendingRequest(time.monotonic() + HEADER_SECONDS))

    def _log_full(self, fault: OSError) -> None:
        if time.monotonic() - self._full_logged_at > HEADER_SECONDS:
            self._full_logged_at = time.monotonic()
            log.error("cannot accept a connection: %s", fault)

    def _wait(self, conn: TConn, pending: PendingRequest) -> None:
        self._pending[conn] = pending
        conn.sock.setblocking(False)
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, pending.low_water)
        self.poller.register(conn.sock, EVENT_READ, lambda _: self._on_readable(conn))

    def _on_readable(self, conn: TConn) -> None:
        self.poller.unregister(conn.sock)
        self.enqueue_req(conn)

    def enqueue_req(self, conn: TConn) -> None:
        """Gives a complete request to a thread: a form with its body, anything else with its header."""
        before = self._pending.pop(conn, None)
        held = conn.parser.unreader.buf.getvalue() if conn.parser else b""
        peek = peek_request(conn.sock, held, at_least=before.low_water if before else 0)
        if not peek.missing:
            self._submit(conn, self.tpool if peek.is_bytes else self._page_pool)
            return
        if before and before.is_form == peek.is_form:
            deadline = before.deadline
        else:
            deadline = time.monotonic() + (body.FORM_SECONDS if peek.is_form else HEADER_SECONDS)
        self._wait(conn, PendingRequest(deadline, peek.missing, peek.is_form))

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """Also makes a pool for pages, so that uploads and downloads never take all threads."""
        self._page_pool = ThreadPoolExecutor(PAGE_THREADS)
        return super().get_thread_pool()

    def _submit(self, conn: TConn, pool: ThreadPoolExecutor) -> None:
        conn.data_ready, conn.is_page = True, pool is self._page_pool
        with contextlib.suppress(OSError):  # the client has closed: the thread will find out
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        future = pool.submit(self.handle, conn)
        future.add_done_callback(partial(self.method_queue.defer, self.finish_request, conn))

    def init_signals(self) -> None:
        super().init_signals()
        # A terminal sends Ctrl-C to all its processes; the supervisor passes it on, once.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def handle(self, conn: TConn) -> Any:
        self._deadlines[conn] = time.monotonic() + HEADER_SECONDS
        try:
            keep_alive = super().handle(conn)
        finally:
            self._deadlines.pop(conn, None)
        if not keep_alive:
            linger_and_close(conn.sock)
        return keep_alive

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """Only counts a connection that its thread has closed: the main loop must not block on closing."""
        if conn.sock.fileno() == -1:
            self.nr_conns -= 1
        else:
            super().finish_request(conn, fs)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Called with the header complete; leaves `100 Continue` to the reader of the body."""
        if conn.is_page:
            self._deadlines[conn] = time.monotonic() + ANSWER_SECONDS
        else:
            self._deadlines.pop(conn, None)
        req._expected_100_continue = False
        req.body.message = req
        try:
            return super().handle_request(req, conn)
        except TimeoutError:
            log.info("a client read nothing of its response for too long: connection closed")
            return False

    def murder_pending(self) -> None:
        """gunicorn's hook of its main loop: closes what is past its deadline, everything at shutdown."""
        now = time.monotonic()
        if now - self._checked_at < CHECK_INTERVAL:
            return
        self._checked_at = now
        for conn, pending in list(self._pending.items()):
            if pending.deadline <= now or not self.alive:
                del self._pending[conn]
                self.poller.unregister(conn.sock)
                self._give_up(conn, pending)
        for conn, deadline in list(self._deadlines.items()):
            if deadline <= now:
                self._deadlines.pop(conn, None)
                self._shut_down(conn)

    def _give_up(self, conn: TConn, pending: PendingRequest) -> None:
        """An incomplete form gets a response (408); an incomplete header is closed without one."""
        if pending.is_form:
            stop_reading(conn.sock)
            self._submit(conn, self._page_pool)
        else:
            self.nr_conns -= 1
            conn.close()

    @staticmethod
    def _shut_down(conn: TConn) -> None:
        try:
            conn.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            log.debug("the client closed first")

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: bodies under way are synced to disk and answered; no new requests are accepted."""
        super().handle_exit(sig, frame)
        body.stop_all("shutting_down")

    def handle_quit(self, sig: int, frame: Any) -> None:
        """As SIGTERM: gunicorn's would take a lock that the interrupted code may hold."""
        self.handle_exit(sig, frame)


def peek_request(sock: socket.socket, held: bytes, *, at_least: int) -> Peek:
    """Classifies a request by `held`, what the parser has already read, and what the socket holds, unread."""
    try:
        waiting = sock.recv(HEAD_MAX + body.FORM_MAX, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        if len(waiting) < at_least:
            return Peek(0)  # woken with less than the low-water mark: the stream has ended
    except BlockingIOError:
        waiting = b""
    except OSError:
        return Peek(0)
    seen = held + waiting
    size, is_form = request_size(seen)
    if size > len(seen) >= HEAD_MAX and not is_form:
        stop_reading(sock)  # the header is too long: gunicorn answers what there is of it
        return Peek(0)
    missing = size - len(held) if size > len(seen) else 0
    return Peek(missing, is_form, is_bytes=not is_form and is_byte_request(seen.lstrip(b"\r\n")))


def request_size(seen: bytes) -> tuple[int, bool]:
    """How many bytes of a request to wait for before it gets a thread, and whether it is a form."""
    begin = len(seen) - len(seen.lstrip(b"\r\n"))
    end = seen.find(b"\r\n\r\n", begin)
    if end < 0:
        return len(seen) + 1, False
    head = seen[begin : end + 2]
    found = LENGTH.search(head)
    if not found or BYTE_REQUEST.match(head) or EXPECTS.search(head) or int(found[1]) > body.FORM_MAX:
        return end + 4, False
    return end + 4 + int(found[1]), True


def is_byte_request(seen: bytes) -> bool:
    """Whether its thread may block on the client, so that it must not be a page thread."""
    return bool(BYTE_REQUEST.match(seen) or BODY.search(seen, 0, seen.find(b"\r\n\r\n") + 2))


def stop_reading(sock: socket.socket) -> None:
    """Received bytes can still be read; after them the stream ends."""
    with contextlib.suppress(OSError):  # the client closed first
        sock.shutdown(socket.SHUT_RD)


def linger_and_close(sock: socket.socket) -> None:
    """Closes in two steps, so that a client that is still sending gets the response (RFC 9112, 9.6)."""
    deadline = time.monotonic() + LINGER_SECONDS
    with sock, contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        while (left := deadline - time.monotonic()) > 0:
            sock.settimeout(left)
            if not sock.recv(1 << 16):
                break

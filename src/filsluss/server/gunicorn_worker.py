"""The worker of gunicorn: a thread for each request, none for a client that has not sent one yet."""

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
HEAD_MAX = 64 * 1024
PAGE_THREADS, ANSWER_SECONDS = 200, 300.0
CHECK_INTERVAL, ACCEPT_PAUSE_SECONDS = 0.25, 0.05
LINGER_SECONDS = 2.0

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,20})[ \t]*\r\n", re.IGNORECASE)
EXPECTS = re.compile(rb"\r\nexpect[ \t]*:", re.IGNORECASE)
BODY = re.compile(rb"\r\n(?:content-length|transfer-encoding|expect)", re.IGNORECASE)
# What is asked for in an odd way counts as bytes: a page thread waits for nobody.
BYTE_REQUEST = re.compile(
    rb"(?:GET|HEAD) /(?:upload|download|zip)/[^/ ?]+/|(?!GET |HEAD )\S+ /upload/|\S+ (?:[^/]|[^ ?]*%)"
)

log = logging.getLogger(__name__)


@dataclass
class PendingRequest:
    """A request that is not all there: until when it may be, and how many bytes are awaited on the socket."""

    late: float
    least: int = 1
    is_form: bool = False


class Peek(NamedTuple):
    """What is known of a request before a thread has it: how many bytes must lie there first, if any."""

    missing: int
    is_form: bool = False
    is_bytes: bool = True


class FilslussWorker(ThreadWorker):
    """Rests on gunicorn 27: a request waits in the poller until it is there, and is cut off if it is late."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._late: dict[TConn, float] = {}
        self._waiting: dict[TConn, PendingRequest] = {}
        self._looked, self._said_full = 0.0, -HEADER_SECONDS

    def accept(self, listener: socket.socket) -> None:
        """A new connection waits in the poller, not in a thread."""
        try:
            sock, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as fault:
            self._say_full(fault)
            time.sleep(
                ACCEPT_PAUSE_SECONDS
            )  # the listener stays readable: without a pause this would be all we do
            return
        conn = TConn(self.cfg, sock, address, listener.getsockname())
        self.nr_conns += 1
        self._await(conn, PendingRequest(time.monotonic() + HEADER_SECONDS))

    def _say_full(self, fault: OSError) -> None:
        if time.monotonic() - self._said_full > HEADER_SECONDS:
            self._said_full = time.monotonic()
            log.error("no room for another connection: %s", fault)

    def _await(self, conn: TConn, wait: PendingRequest) -> None:
        self._waiting[conn] = wait
        conn.sock.setblocking(False)
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, wait.least)
        self.poller.register(conn.sock, EVENT_READ, lambda _: self._has_come(conn))

    def _has_come(self, conn: TConn) -> None:
        self.poller.unregister(conn.sock)
        self.enqueue_req(conn)

    def enqueue_req(self, conn: TConn) -> None:
        """A thread for a request that is there, a form with its body; an upload's is the thread's to read."""
        before = self._waiting.pop(conn, None)
        held = conn.parser.unreader.buf.getvalue() if conn.parser else b""
        ahead = peek_request(conn.sock, held, at_least=before.least if before else 0)
        if not ahead.missing:
            self._serve(conn, self.tpool if ahead.is_bytes else self._pages)
            return
        if before and before.is_form == ahead.is_form:
            late = before.late
        else:
            late = time.monotonic() + (body.FORM_SECONDS if ahead.is_form else HEADER_SECONDS)
        self._await(conn, PendingRequest(late, ahead.missing, ahead.is_form))

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """Pages have threads of their own, which no upload and no download can take."""
        self._pages = ThreadPoolExecutor(PAGE_THREADS)
        return super().get_thread_pool()

    def _serve(self, conn: TConn, threads: ThreadPoolExecutor) -> None:
        conn.data_ready, conn.is_page = True, threads is self._pages
        with contextlib.suppress(OSError):  # the client left first: the thread will see
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        served = threads.submit(self.handle, conn)
        served.add_done_callback(partial(self.method_queue.defer, self.finish_request, conn))

    def init_signals(self) -> None:
        super().init_signals()
        # Ctrl-C interrupts everybody at the terminal: it is the parent's to pass on, once.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def handle(self, conn: TConn) -> Any:
        self._late[conn] = time.monotonic() + HEADER_SECONDS
        try:
            goes_on = super().handle(conn)
        finally:
            self._late.pop(conn, None)
        if not goes_on:
            linger_and_close(conn.sock)
        return goes_on

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """Closed where it was served: the loop that takes everybody in waits for nobody to leave."""
        if conn.sock.fileno() == -1:
            self.nr_conns -= 1
        else:
            super().finish_request(conn, fs)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """The header is complete; whether the body is wanted, its reader will say."""
        if conn.is_page:
            self._late[conn] = time.monotonic() + ANSWER_SECONDS
        else:
            self._late.pop(conn, None)
        req._expected_100_continue = False
        req.body.message = req
        try:
            return super().handle_request(req, conn)
        except TimeoutError:
            log.info("a client took nothing for too long")
            return False

    def murder_pending(self) -> None:
        now = time.monotonic()
        if now - self._looked < CHECK_INTERVAL:
            return
        self._looked = now
        for conn, wait in list(self._waiting.items()):
            if wait.late <= now or not self.alive:
                del self._waiting[conn]
                self.poller.unregister(conn.sock)
                self._give_up(conn, wait)
        for conn, late in list(self._late.items()):
            if late <= now:
                self._late.pop(conn, None)
                self._cut(conn)

    def _give_up(self, conn: TConn, wait: PendingRequest) -> None:
        """Half a form is answered, and read no further; half a header says nothing that could be."""
        if wait.is_form:
            stop_reading(conn.sock)
            self._serve(conn, self._pages)
        else:
            self.nr_conns -= 1
            conn.close()

    @staticmethod
    def _cut(conn: TConn) -> None:
        try:
            conn.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            log.debug("the client left first")

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: bodies under way are put on disk and answered; no new ones are taken."""
        super().handle_exit(sig, frame)
        body.stop_all("shutting_down")

    def handle_quit(self, sig: int, frame: Any) -> None:
        """gunicorn would take a lock here, in the midst of whatever holds it; no haste is worth that."""
        self.handle_exit(sig, frame)


def peek_request(sock: socket.socket, held: bytes, *, at_least: int) -> Peek:
    try:
        there = sock.recv(HEAD_MAX + body.FORM_MAX, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        if len(there) < at_least:
            return Peek(0)  # woken for less: there will be no more
    except BlockingIOError:
        there = b""
    except OSError:
        return Peek(0)
    seen = held + there
    whole, is_form = whole_size(seen)
    if whole > len(seen) >= HEAD_MAX and not is_form:
        stop_reading(sock)  # no header is as long: what there is of it is answered
        return Peek(0)
    missing = whole - len(held) if whole > len(seen) else 0
    return Peek(missing, is_form, is_bytes=not is_form and is_byte_request(seen.lstrip(b"\r\n")))


def whole_size(seen: bytes) -> tuple[int, bool]:
    """How long a request that begins so is, as far as no thread should wait for it; is it a form?"""
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
    """Whether its thread may have to wait for the client, so that it may be none of the pages'."""
    return bool(BYTE_REQUEST.match(seen) or BODY.search(seen, 0, seen.find(b"\r\n\r\n") + 2))


def stop_reading(sock: socket.socket) -> None:
    """What has come can still be read, and then there is an end."""
    with contextlib.suppress(OSError):  # the client left first
        sock.shutdown(socket.SHUT_RD)


def linger_and_close(sock: socket.socket) -> None:
    """Closes so that the answer arrives though the client is still sending (RFC 9112, 9.6)."""
    late = time.monotonic() + LINGER_SECONDS
    with sock, contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        while (left := late - time.monotonic()) > 0:
            sock.settimeout(left)
            if not sock.recv(1 << 16):
                break

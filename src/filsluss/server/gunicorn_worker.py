"""gunicorn's threaded worker, changed so that slow clients hold no thread, or no more than their part."""

import contextlib
import logging
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from filsluss.actions import security_log
from filsluss.ops.beating import Beating
from filsluss.origin import NOWHERE, set_origin
from filsluss.rules.shares import CROWDED_HEADER, share_of
from filsluss.server.lingering import Lingering
from filsluss.server.peek import HEAD_MAX, Peek, is_upload, peek_request
from filsluss.server.shares import Share
from filsluss.streams import body, connection, sockets

HEADER_SECONDS = 10.0
"""For a whole request header."""
PAGE_THREADS, ASKING_THREADS, ANSWER_SECONDS = 200, 100, 300.0
"""ASKING_THREADS are for HEAD and what else asks about uploads, which may wait seconds for who writes one.
ANSWER_SECONDS is for a page thread to produce and send its response, and for a client to take any of one."""
UNREAD_MAX, ANSWER_BUFFER = 64 * 1024, 256 * 1024
"""How much of an earlier response a client may have left unread when its next request gets a thread, and the
send buffer of what is no download, in bytes: together they let a thread answer and wait for no client."""
UNREAD_ASKED_EACH = 16
"""How many uploads follow each other on a connection until that is asked again: their answers are short."""
CHECK_INTERVAL, ACCEPT_PAUSE_SECONDS = 0.25, 0.05
UNWANTED_SECONDS, NEXT_SECONDS = 0.05, 0.005
"""For the rest of a body that was not read (the connection is closed if it does not come), and for the next
upload on a connection, before its thread leaves it to the poller."""
UPLOADS_PER_LINK, DOWNLOADS_PER_LINK = 32, 4
"""How many threads a link may have even when few are free."""

log = logging.getLogger(__name__)


@dataclass
class PendingRequest:
    """A request in the poller: its deadline, and how many bytes must be readable before it is looked at."""

    deadline: float
    low_water: int = 1
    is_form: bool = False


class FilslussWorker(ThreadWorker):
    """Keeps incomplete requests in the poller, each until a deadline. Overrides methods of gunicorn 27."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadlines: dict[TConn, float] = {}
        self._pending: dict[TConn, PendingRequest] = {}
        self._unread: dict[TConn, tuple[float, Peek]] = {}
        self._admitted: dict[TConn, tuple[Share, bytes]] = {}
        self._lingering = Lingering(self._count_closed)
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
        sock = sockets.AcceptedSocket(sock.family, sock.type, sock.proto, fileno=sock.detach())
        sockets.limit_unacknowledged(sock, ANSWER_SECONDS)
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
        held = connection.read_already(conn.parser)
        peek = peek_request(conn.sock, held, at_least=before.low_water if before else 0)
        if not peek.missing:
            self._dispatch(conn, peek)
            return
        if before and before.is_form == peek.is_form:
            deadline = before.deadline
        else:
            deadline = time.monotonic() + (body.FORM_SECONDS if peek.is_form else HEADER_SECONDS)
        self._wait(conn, PendingRequest(deadline, peek.missing, peek.is_form))

    def run(self) -> None:
        """Counts security events in memory, and notes that it runs, for as long as it serves."""
        # gunicorn looks each up by a method while it is no attribute; none changes any more.
        self.cfg.__dict__.update({name: setting.get() for name, setting in self.cfg.settings.items()})
        beating = Beating("web")
        security_log.writer.start()
        beating.start()
        try:
            super().run()
        finally:
            security_log.writer.stop()
            beating.stop()

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """Makes four pools: pages, uploads, downloads and questions about uploads never share a thread."""
        self._page_pool = ThreadPoolExecutor(PAGE_THREADS)
        self._uploads = Share(share_of(self.cfg.threads), least=UPLOADS_PER_LINK)
        self._downloads = Share(share_of(self.cfg.threads), least=DOWNLOADS_PER_LINK)
        self._asking = Share(ASKING_THREADS, least=UPLOADS_PER_LINK)
        return self._uploads.pool

    def _dispatch(self, conn: TConn, peek: Peek) -> None:
        """A link that has more than its part of the byte threads is refused, by a page thread."""
        if unread_bytes(conn) > UNREAD_MAX:
            self._unread[conn] = time.monotonic() + body.FORM_SECONDS, peek
            return
        conn.is_crowded = False
        if not peek.is_bytes:
            self._submit(conn, self._page_pool)
            return
        share = self._share_of(peek)
        if share.admit(peek.link):
            self._admitted[conn] = share, peek.link
            self._submit(conn, share.pool)
        else:
            conn.is_crowded = True
            self._submit(conn, self._page_pool)

    def _share_of(self, peek: Peek) -> Share:
        """An announcement, which waits for nobody either, does not wait for a thread of uploads."""
        if peek.sends:
            return self._downloads
        asks = peek.asks or (peek.announces and self._uploads.is_full)
        return self._asking if asks else self._uploads

    def _submit(self, conn: TConn, pool: ThreadPoolExecutor) -> None:
        conn.data_ready, conn.is_page = True, pool is self._page_pool
        with contextlib.suppress(OSError):  # the client has closed: the thread will find out
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
            if pool is not self._downloads.pool:
                sockets.widen_send_buffer(conn.sock, ANSWER_BUFFER)
        future = pool.submit(self.handle, conn)
        future.add_done_callback(partial(self.method_queue.defer, self.finish_request, conn))

    def init_signals(self) -> None:
        super().init_signals()
        # A terminal sends Ctrl-C to all its processes; the supervisor passes it on, once.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def handle(self, conn: TConn) -> Any:
        """Answers a request, and then those that follow it at once on its connection."""
        answered = 0
        while True:
            self._deadlines[conn] = time.monotonic() + HEADER_SECONDS
            try:
                stays_open = super().handle(conn)
            finally:
                self._deadlines.pop(conn, None)
            answered += 1
            if not (stays_open and self._is_followed(conn, answered)):
                return stays_open

    def _is_followed(self, conn: TConn, answered: int) -> bool:
        """Whether an upload's thread, which nobody waits for, may go on with the next upload of its link.

        Going back to the poller costs a quarter of a small file. Whatever has come is taken into the parser,
        where both find it.
        """
        share, link = self._admitted.get(conn, (None, b""))
        if share is not self._uploads or not self.alive or share.is_waited_for:
            return False
        seen = connection.read_next(conn.parser, conn.sock, HEAD_MAX, within=NEXT_SECONDS)
        if not (is_upload(seen, link) and self.alive):
            return False
        return answered % UNREAD_ASKED_EACH != 0 or unread_bytes(conn) <= UNREAD_MAX

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """Called by the main loop, which must not block on closing, when a thread is done with a request."""
        if conn in self._admitted:
            share, link = self._admitted.pop(conn)
            share.release(link)
        if not fs.cancelled() and not fs.exception() and fs.result():
            super().finish_request(conn, fs)
        elif conn.sock.fileno() == -1:
            self._count_closed()
        else:
            self._lingering.add(conn.sock, self.poller)

    def _count_closed(self) -> None:
        self.nr_conns -= 1

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        """gunicorn would wait for seconds, in the thread, for the rest of a body that nobody wanted."""
        return keepalive and connection.finish_body(conn.parser, within=UNWANTED_SECONDS)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Called with the header complete; leaves `100 Continue` to the reader of the body."""
        if conn.is_page:
            self._deadlines[conn] = time.monotonic() + ANSWER_SECONDS
        else:
            self._deadlines.pop(conn, None)
        if conn.is_crowded:
            req.headers.append((CROWDED_HEADER, "1"))
        connection.leave_body_to_reader(req)
        try:
            return super().handle_request(req, conn)
        except TimeoutError:
            log.info("a client read nothing of its response for too long: connection closed")
            return False
        finally:
            set_origin(NOWHERE)

    def murder_pending(self) -> None:
        """gunicorn's hook of its main loop: closes what is past its deadline, everything at shutdown."""
        now = time.monotonic()
        if now - self._checked_at < CHECK_INTERVAL:
            return
        self._checked_at = now
        self._lingering.close_expired(self.poller)
        for conn, pending in list(self._pending.items()):
            if pending.deadline <= now or not self.alive:
                del self._pending[conn]
                self.poller.unregister(conn.sock)
                self._give_up(conn, pending)
        self._look_at_unread(now)
        for conn, deadline in list(self._deadlines.items()):
            if deadline <= now:
                self._deadlines.pop(conn, None)
                self._shut_down(conn)

    def _look_at_unread(self, now: float) -> None:
        """Goes on with clients that have read their last response; closes those that do not for too long."""
        for conn, (deadline, peek) in list(self._unread.items()):
            if unread_bytes(conn) <= UNREAD_MAX:
                del self._unread[conn]
                self._dispatch(conn, peek)
            elif deadline <= now or not self.alive:
                del self._unread[conn]
                self._count_closed()
                conn.close()

    def _give_up(self, conn: TConn, pending: PendingRequest) -> None:
        """An incomplete form gets a response (408); an incomplete header is closed without one."""
        if pending.is_form:
            sockets.stop_reading(conn.sock)
            self._dispatch(conn, Peek(0, is_form=True, is_bytes=False))
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


def unread_bytes(conn: TConn) -> int:
    """How many bytes of earlier responses its client has not acknowledged; a new connection has had none."""
    return sockets.unread_bytes(conn.sock) if conn.initialized else 0

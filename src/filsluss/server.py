"""gunicorn as this house runs it: a thread for each request, none for a client that has said nothing yet."""

import contextlib
import logging
import signal
import socket
import time
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn, ThreadWorker

from filsluss.logs import Line

HEADER_SECONDS = 10.0
LINGER_SECONDS = 2.0
GRACE_SECONDS = 8

log = logging.getLogger(__name__)


class Worker(ThreadWorker):
    """Rests on gunicorn 27: accepts through its poller, and cuts off a header that does not come."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._opening: dict[TConn, float] = {}

    def accept(self, listener: socket.socket) -> None:
        """A new connection waits in the poller, not in a thread, until its first byte."""
        try:
            sock, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        conn = TConn(self.cfg, sock, address, listener.getsockname())
        self.nr_conns += 1
        conn.timeout = time.monotonic() + HEADER_SECONDS
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def init_signals(self) -> None:
        super().init_signals()
        # Ctrl-C interrupts everybody at the terminal: it is the parent's to pass on, once.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def handle(self, conn: TConn) -> Any:
        self._opening[conn] = time.monotonic() + HEADER_SECONDS
        try:
            goes_on = super().handle(conn)
        finally:
            self._opening.pop(conn, None)
        if not goes_on:
            see_out(conn.sock)
        return goes_on

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """Closed where it was served: the loop that takes everybody in waits for nobody to leave."""
        if conn.sock.fileno() == -1:
            self.nr_conns -= 1
        else:
            super().finish_request(conn, fs)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """The header is complete; whether the body is wanted, its reader will say."""
        self._opening.pop(conn, None)
        req._expected_100_continue = False
        req.body.message = req
        try:
            return super().handle_request(req, conn)
        except TimeoutError:
            log.info("a client took nothing for too long")
            return False

    def murder_pending(self) -> None:
        if not self.alive:
            for conn in self.pending_conns:
                conn.timeout = 0.0  # has said nothing yet, so there is nothing to finish
        super().murder_pending()
        now = time.monotonic()
        for conn, late in list(self._opening.items()):
            if late <= now:
                self._opening.pop(conn, None)
                self._cut(conn)

    @staticmethod
    def _cut(conn: TConn) -> None:
        try:
            conn.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            log.debug("the client left first")

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: bodies under way are put on disk and answered; no new ones are taken."""
        from filsluss.streams.body import stop_all

        super().handle_exit(sig, frame)
        stop_all("shutting_down")

    def handle_quit(self, sig: int, frame: Any) -> None:
        """gunicorn would take a lock here, in the midst of whatever holds it; no haste is worth that."""
        self.handle_exit(sig, frame)


def see_out(sock: socket.socket) -> None:
    """Closes so that the answer arrives though the client is still sending (RFC 9112, 9.6)."""
    late = time.monotonic() + LINGER_SECONDS
    with sock, contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        while (left := late - time.monotonic()) > 0:
            sock.settimeout(left)
            if not sock.recv(1 << 16):
                break


class Words(Logger):
    """gunicorn's own words, in lines like all others."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(Line())


class Web(BaseApplication):
    """The documented way to embed gunicorn."""

    def __init__(self, bind: str, *, processes: int, threads: int) -> None:
        self._options = {
            "bind": bind,
            "workers": processes,
            "threads": threads,
            "worker_class": "filsluss.server.Worker",
            "worker_connections": threads + 1000,
            "preload_app": True,
            "keepalive": 10,
            "timeout": 120,
            "graceful_timeout": GRACE_SECONDS,
            "control_socket_disable": True,
            "forwarded_allow_ips": "",
            "loglevel": "warning",
            "proc_name": "filsluss",
            "logger_class": "filsluss.server.Words",
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from filsluss.wsgi import application

        return application

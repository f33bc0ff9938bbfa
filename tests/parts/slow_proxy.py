"""A throttling proxy between a browser and a service: limits the rate of what is uploaded."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

PIECE = 1 << 16


class SlowProxy:
    """Listens on `url`, the service's BASE_URL; `rate`, in bytes a second, may be changed at any time."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.service_port = 0
        self.service: Any = None
        self._lock = threading.Lock()
        self._free_at = 0.0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        # A large buffer would take in megabytes before the browser noticed that the connection is slow.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self) -> None:
        while True:
            try:
                browser, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._connect, args=(browser,), daemon=True).start()

    def _connect(self, browser: socket.socket) -> None:
        try:
            service = socket.create_connection(("127.0.0.1", self.service_port))
        except OSError:
            browser.close()  # the service is stopped
            return
        with browser, service:
            back = threading.Thread(target=self._forward_response, args=(service, browser), daemon=True)
            back.start()
            self._forward_request(browser, service)
            back.join()

    def _forward_request(self, browser: socket.socket, service: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := browser.recv(PIECE):
                self._throttle(len(piece))
                service.sendall(piece)
            service.shutdown(socket.SHUT_WR)

    @staticmethod
    def _forward_response(service: socket.socket, browser: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := service.recv(PIECE):
                browser.sendall(piece)
        with contextlib.suppress(OSError):
            # Only this half: with the other closed as well, the kernel tells a browser whose window was full
            # neither that there is room again nor, for a minute, that nobody is left.
            browser.shutdown(socket.SHUT_WR)

    def _throttle(self, count: int) -> None:
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now) + count / self.rate
            pause = self._free_at - now
        time.sleep(pause)

    def forget_debt(self) -> None:
        """After `rate` was raised: what was taken in before need not be waited for."""
        with self._lock:
            self._free_at = 0.0

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextlib.contextmanager
def start_slow_proxy(rate: float) -> Iterator[SlowProxy]:
    proxy = SlowProxy(rate)
    try:
        yield proxy
    finally:
        proxy.close()

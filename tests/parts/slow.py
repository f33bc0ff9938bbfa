"""A slow line between a browser and a house: bytes on their way in wait for their turn."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

PIECE = 1 << 16


class SlowLine:
    """Listens on `url`, the house's BASE_URL; `rate`, in bytes a second, may be changed at any time."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.house_port = 0
        self.house: Any = None
        self._turn = threading.Lock()
        self._free_at = 0.0
        self._door = socket.create_server(("127.0.0.1", 0), backlog=64)
        # A large buffer would take in megabytes before the browser noticed that the line is slow.
        self._door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self) -> None:
        while True:
            try:
                browser, _ = self._door.accept()
            except OSError:
                return  # hung up
            threading.Thread(target=self._connect, args=(browser,), daemon=True).start()

    def _connect(self, browser: socket.socket) -> None:
        try:
            house = socket.create_connection(("127.0.0.1", self.house_port))
        except OSError:
            browser.close()  # nobody is at home
            return
        with browser, house:
            back = threading.Thread(target=self._answer, args=(house, browser), daemon=True)
            back.start()
            self._ask(browser, house)
            back.join()

    def _ask(self, browser: socket.socket, house: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := browser.recv(PIECE):
                self._wait_for_turn(len(piece))
                house.sendall(piece)
            house.shutdown(socket.SHUT_WR)

    @staticmethod
    def _answer(house: socket.socket, browser: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := house.recv(PIECE):
                browser.sendall(piece)
        with contextlib.suppress(OSError):
            # Only this half: with the other closed as well, the kernel tells a browser whose window was full
            # neither that there is room again nor, for a minute, that nobody is left.
            browser.shutdown(socket.SHUT_WR)

    def _wait_for_turn(self, count: int) -> None:
        with self._turn:
            now = time.monotonic()
            self._free_at = max(self._free_at, now) + count / self.rate
            pause = self._free_at - now
        time.sleep(pause)

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()


@contextlib.contextmanager
def slow_line(rate: float) -> Iterator[SlowLine]:
    line = SlowLine(rate)
    try:
        yield line
    finally:
        line.hang_up()

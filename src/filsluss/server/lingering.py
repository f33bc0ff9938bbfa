"""Connections that are answered and wait for their client to close: in the poller, without a thread."""

import contextlib
import socket
import time
from collections.abc import Callable
from selectors import EVENT_READ, BaseSelector

LINGER_SECONDS = 2.0
LINGERING_MAX = 1000
"""How many wait at once; beyond that the oldest is closed."""
DISCARD_SIZE = 1 << 18


class Lingering:
    """Closes in two steps, so that a client that is still sending gets the response (RFC 9112, 9.6).

    Used by the main loop only. `on_close` is called for each connection that has been closed.
    """

    def __init__(self, on_close: Callable[[], None]) -> None:
        self._on_close = on_close
        self._deadlines: dict[socket.socket, float] = {}
        self._discarded = bytearray(DISCARD_SIZE)

    def add(self, sock: socket.socket, poller: BaseSelector) -> None:
        """Takes a socket on which nothing more will be sent."""
        with contextlib.suppress(OSError):  # the client closed first
            sock.shutdown(socket.SHUT_WR)
        sock.setblocking(False)
        self._deadlines[sock] = time.monotonic() + LINGER_SECONDS
        poller.register(sock, EVENT_READ, lambda _: self._discard(sock, poller))
        while len(self._deadlines) > LINGERING_MAX:
            self._close(next(iter(self._deadlines)), poller)

    def _discard(self, sock: socket.socket, poller: BaseSelector) -> None:
        """Drops what has come, without copying it (tcp(7), MSG_TRUNC); closes at the end of the stream."""
        try:
            ended = sock.recv_into(self._discarded, DISCARD_SIZE, socket.MSG_TRUNC) == 0
        except BlockingIOError:
            ended = False
        except OSError:
            ended = True
        if ended:
            self._close(sock, poller)

    def close_expired(self, poller: BaseSelector) -> None:
        """The oldest come first: all wait equally long."""
        now = time.monotonic()
        for sock, deadline in list(self._deadlines.items()):
            if deadline > now:
                return
            self._close(sock, poller)

    def _close(self, sock: socket.socket, poller: BaseSelector) -> None:
        if self._deadlines.pop(sock, None) is None:
            return  # closed already, by an event before this one
        poller.unregister(sock)
        sock.close()
        self._on_close()

"""What is asked of a TCP socket: what waits, what is acknowledged, to read no more, to hold little."""

import contextlib
import fcntl
import select
import socket
import struct
import termios
import time
from array import array

UNSENT_MAX = 1 << 18
"""How many bytes of a download the kernel may hold before it sends them.

Left alone it takes up to 4 MiB for each client that does not read (tcp(7), tcp_wmem). Some hundred of them
fill what it has for all connections (tcp_mem), and it then drops bytes of uploads that it has received.
"""
FOREVER = struct.pack("ll", 0, 0)
BYTES_ACKED = 120
"""Where `tcpi_bytes_acked` (RFC 4898) stands in Linux's `struct tcp_info`."""


class AcceptedSocket(socket.socket):
    """Asks the kernel to block, or not to, only when that changes: gunicorn asks before every request."""

    def setblocking(self, flag: bool) -> None:
        if self.gettimeout() != (None if flag else 0.0):
            super().setblocking(flag)


def waiting_bytes(sock: socket.socket, size: int, deadline: float) -> bytes:
    """Up to `size` bytes; none at the end of the stream, or at the deadline by time.monotonic()."""
    while True:
        try:
            return sock.recv(size, socket.MSG_DONTWAIT)
        except BlockingIOError:
            poll = select.poll()
            poll.register(sock, select.POLLIN)
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                return b""
        except OSError:
            return b""


def received_within(sock: socket.socket, size: int, seconds: float) -> bytes:
    """Up to `size` bytes of a blocking socket; none at its end, or after that time (socket(7), SO_RCVTIMEO).

    In one system call: each lets the interpreter's lock go, which costs more than the call.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, int(seconds * 1_000_000)))
    try:
        return sock.recv(size)
    except OSError:
        return b""
    finally:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, FOREVER)


def stop_reading(sock: socket.socket) -> None:
    """Received bytes can still be read; after them the stream ends."""
    with contextlib.suppress(OSError):  # the client closed first
        sock.shutdown(socket.SHUT_RD)


def limit_unacknowledged(sock: socket.socket, seconds: float) -> None:
    """Ends the connection if its client acknowledges nothing of an answer for so long (tcp(7))."""
    with contextlib.suppress(OSError):  # the client closed first
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))


def widen_send_buffer(sock: socket.socket, size: int) -> None:
    """Lets the kernel hold so many bytes of answers; it gives no more than `wmem_max` (socket(7))."""
    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) < size:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)


def limit_unsent(sock: socket.socket) -> None:
    """What is on its way to a fast client does not count (TCP_NOTSENT_LOWAT)."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_MAX)


def unread_bytes(sock: socket.socket) -> int:
    """How many bytes of earlier responses the client has not acknowledged (tcp(7), SIOCOUTQ)."""
    count = array("i", [0])
    with contextlib.suppress(OSError):  # the client closed first
        fcntl.ioctl(sock, termios.TIOCOUTQ, count)
    return count[0]


def acknowledged_bytes(sock: socket.socket) -> int | None:
    """How many bytes the client has acknowledged; None where nobody tells (Linux before 4.1)."""
    try:
        known = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, BYTES_ACKED + 8)
    except OSError:
        return 0  # closed meanwhile
    return struct.unpack_from("Q", known, BYTES_ACKED)[0] if len(known) >= BYTES_ACKED + 8 else None

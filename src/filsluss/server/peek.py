"""What the first bytes of a request tell, read without taking them from the socket."""

import re
import socket
from typing import NamedTuple

from filsluss.streams import body
from filsluss.streams.connection import stop_reading

HEAD_MAX = 64 * 1024
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,20})[ \t]*\r\n", re.IGNORECASE)
EXPECTS = re.compile(rb"\r\nexpect[ \t]*:", re.IGNORECASE)
BODY = re.compile(rb"\r\n(?:content-length|transfer-encoding|expect)", re.IGNORECASE)
# Requests we cannot classify (an absolute URL, a percent-encoded path) go to the byte pool, because page
# threads must never block on a client.
BYTE_REQUEST = re.compile(
    rb"(?:GET|HEAD) /(?:upload|download|zip)/[^/ ?]+/|(?!GET |HEAD )\S+ /upload/|\S+ (?:[^/]|[^ ?]*%)"
)

# Anything else receives a body, or answers about uploads.
SENDS = re.compile(rb"(?:GET|HEAD) (?!/upload/)")
LINK = re.compile(rb"\S+ /(?:upload|download|zip)/([^/ ?%]+)[/ ?]")


class Peek(NamedTuple):
    """What a request's first bytes tell; `missing` bytes must arrive before it gets a thread.

    `link` is the token that a byte path claims, empty where it cannot be told; `sends`: may be a download.
    """

    missing: int
    is_form: bool = False
    is_bytes: bool = True
    sends: bool = False
    link: bytes = b""


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
    return Peek(missing, is_form) if missing else classify(seen.lstrip(b"\r\n"), is_form=is_form)


def classify(seen: bytes, *, is_form: bool) -> Peek:
    """Which threads a request that is complete, or whose header is, may have."""
    link = LINK.match(seen)
    return Peek(
        0,
        is_form,
        is_bytes=not is_form and is_byte_request(seen),
        sends=bool(SENDS.match(seen)),
        link=link[1] if link else b"",
    )


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

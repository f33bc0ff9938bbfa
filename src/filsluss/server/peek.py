"""What the first bytes of a request tell, read without taking them from the socket."""

import re
import socket
from typing import NamedTuple

from filsluss.rules.paths import READS, UPLOAD, Bytes, read
from filsluss.rules.tokens import TOKEN_PATTERN
from filsluss.streams import body
from filsluss.streams.sockets import stop_reading

HEAD_MAX = 64 * 1024
UNTAKEN = int(socket.MSG_PEEK | socket.MSG_DONTWAIT)
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,20})[ \t]*\r\n", re.IGNORECASE)
EXPECTS = re.compile(rb"\r\nexpect[ \t]*:", re.IGNORECASE)
ASKING = ("HEAD", "OPTIONS")
UPLOADS = re.compile(
    rb"(?:POST|PATCH) %s/(%s)/files(?:/[A-Za-z0-9_-]{1,64})? HTTP/1\.[01]\r\n"
    % (UPLOAD.path().encode(), TOKEN_PATTERN.encode())
)
"""Request lines of tus, whose answers are short whatever they are: headers and at most a line of JSON."""
BODY = re.compile(rb"\r\n(?:content-length|transfer-encoding|expect)", re.IGNORECASE)


class Peek(NamedTuple):
    """What a request's first bytes tell; `missing` bytes must arrive before it gets a thread.

    `link` is the token that a byte path claims, empty where it cannot be told; `sends`: may be a download;
    `asks`: about uploads, without a byte of them, so that it waits for no client and no store. `announces`:
    an upload, of which it brings no byte either.
    """

    missing: int
    is_form: bool = False
    is_bytes: bool = True
    sends: bool = False
    asks: bool = False
    announces: bool = False
    link: bytes = b""


def peek_request(sock: socket.socket, held: bytes, *, at_least: int) -> Peek:
    """Classifies a request by `held`, what the parser has already read, and what the socket holds, unread."""
    try:
        waiting = sock.recv(HEAD_MAX + body.FORM_MAX, UNTAKEN)
        if len(waiting) < at_least:
            return Peek(0)  # woken with less than the low-water mark: the stream has ended
    except BlockingIOError:
        waiting = b""
    except OSError:
        return Peek(0)
    seen = (held + waiting).lstrip(b"\r\n")
    peek = classify(seen)
    if not peek.missing:
        return peek
    if len(seen) >= HEAD_MAX and not peek.is_form:
        stop_reading(sock)  # the header is too long: gunicorn answers what there is of it
        return Peek(0)
    return Peek(peek.missing + len(waiting), peek.is_form)


def is_upload(seen: bytes, link: bytes) -> bool:
    """Whether a whole header has come, of a request that brings an upload of that link or announces it.

    What `classify` tells, for what most requests are that follow another on their connection, and whose
    answers are short.
    """
    asked = UPLOADS.match(seen)
    return asked is not None and asked[1] == link and seen.find(b"\r\n\r\n") > 0


def classify(seen: bytes) -> Peek:
    """What the bytes tell that have come of a request; `missing` is counted from their end."""
    end, asked = seen.find(b"\r\n\r\n"), read_request_line(seen)
    size, is_form = request_size(seen, end, asked)
    if size > len(seen):
        return Peek(size - len(seen), is_form)
    is_bytes = not is_form and (asked.is_bytes or bool(BODY.search(seen, 0, end + 2)))
    length = LENGTH.search(seen, 0, end + 2) if asked.announces else None
    is_empty = bool(length and int(length[1]) == 0)
    return asked._replace(is_form=is_form, is_bytes=is_bytes, announces=is_empty)


def read_request_line(seen: bytes) -> Peek:
    """Which threads the request may have, by its method and path.

    Requests we cannot classify (an absolute URL, a percent-encoded path) go to the byte pool, because page
    threads must never block on a client.
    """
    method, _, target = seen[: max(0, seen.find(b"\r\n"))].decode("latin-1").partition(" ")
    path = target.partition(" ")[0].partition("?")[0]
    prefix, token, moved = read(method, path)
    is_collection = moved is Bytes.RECEIVED and path.count("/") == 3
    return Peek(
        0,
        is_bytes=moved is not Bytes.NONE or path[:1] != "/" or "%" in path,
        sends=method in READS and not (prefix and prefix.bytes is Bytes.RECEIVED),
        asks=(moved is Bytes.RECEIVED and method in ASKING) or (method == "GET" and is_collection),
        announces=method == "POST" and is_collection,
        link=b"" if "%" in token else token.encode("latin-1"),
    )


def request_size(seen: bytes, end: int, asked: Peek) -> tuple[int, bool]:
    """How many bytes of a request to wait for before it gets a thread, and whether it is a form.

    `end` is where its header ends, -1 while it does not.
    """
    if end < 0:
        return len(seen) + 1, False
    found = None if asked.is_bytes else LENGTH.search(seen, 0, end + 2)
    if not found or EXPECTS.search(seen, 0, end + 2) or int(found[1]) > body.FORM_MAX:
        return end + 4, False
    return end + 4 + int(found[1]), True

"""Range requests and preconditions (RFC 9110, sections 13 and 14), for a file with one strong ETag."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

SINGLE = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.IGNORECASE)


class Unsatisfiable(ValueError):
    """The range begins after the last byte (416)."""


@dataclass(frozen=True)
class Span:
    """Bytes `start` to `stop`, the latter not included."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start

    def content_range(self, size: int) -> str:
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def read_range(header: str | None, *, size: int) -> Span | None:
    """The single range asked for; None, for the whole file, if there is none, several or an invalid one.

    An empty file has no range to take, and is sent as it is.
    """
    found = SINGLE.fullmatch(header or "")
    if not found or found[1] == found[2] == "" or size == 0:
        return None
    if not found[1]:
        return _suffix(_number(found[2]), size)
    first, last = _number(found[1]), _number(found[2]) if found[2] else size - 1
    if last < first and found[2]:
        return None
    if first >= size:
        raise Unsatisfiable
    return Span(first, min(last + 1, size))


def _number(digits: str) -> int:
    """Any number of digits: beyond 19 the value is only known to be larger than any file."""
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= 19 else 10**19


def _suffix(count: int, size: int) -> Span:
    if count == 0:
        raise Unsatisfiable
    return Span(max(0, size - count), size)


def _tags(header: str) -> list[str]:
    return re.findall(r'\*|(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"', header)


def none_match(header: str | None, *, etag: str) -> bool:
    """Whether `If-None-Match` lets the request through (weak comparison); False means 304."""
    if header is None:
        return True
    return not any(tag == "*" or tag.removeprefix("W/") == etag for tag in _tags(header))


def match(header: str | None, *, etag: str) -> bool:
    """Whether `If-Match` lets the request through (strong comparison); False means 412."""
    return header is None or any(tag in ("*", etag) for tag in _tags(header))


def changed_since(header: str | None, *, modified: datetime) -> bool | None:
    """Whether the file was changed after the date in the header; None if there is no date to be read.

    For `If-Modified-Since` and `If-Unmodified-Since`, which count only where no tags are given.
    """
    try:
        date = parsedate_to_datetime(header or "")
    except (ValueError, IndexError, OverflowError):
        return None
    return date.tzinfo is not None and modified.replace(microsecond=0) > date


def range_holds(if_range: str | None, *, etag: str) -> bool:
    """Whether `If-Range` allows the range; a date or a weak tag never does."""
    return if_range is None or if_range.strip() == etag

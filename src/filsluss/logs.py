"""Log lines: key=value pairs, or JSON objects, with times in UTC; secrets are masked."""

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

from filsluss.origin import current_origin
from filsluss.rules.paths import TABLE

PLAIN = re.compile(r"[A-Za-z0-9._:/@+*%-]+")
SECRET_PREFIXES = "|".join(prefix.name for prefix in TABLE if prefix.is_secret)
SECRETS = (
    (re.compile(rf"/({SECRET_PREFIXES})/[^\s/?\"'>]+"), r"/\1/***"),
    (re.compile(r"(?<![\w-])[A-Za-z0-9_-]{43}(?![\w-])"), "***"),  # a token outside a path
    (re.compile(r"(?<![\w-])(?:[2-9A-HJKMNP-TV-Z]{4}-){2}[2-9A-HJKMNP-TV-Z]{4}(?![\w-])"), "***"),
    (re.compile(r"(?<![\w-])[2-9A-HJKMNP-TV-Z]{12}(?![\w-])"), "***"),  # a code without its hyphens
    (re.compile(r"([a-z+]+://)[^\s/@]+@"), r"\1***@"),  # user and password in a URL
)

SHORTEST_SECRET = 12
"""A pickup code without its hyphens; the other secrets are longer, or are found by a slash."""


def masked(text: str) -> str:
    """The text with the tokens of links, pickup codes and the credentials of URLs replaced by ***."""
    if len(text) < SHORTEST_SECRET and "/" not in text:
        return text
    for secret, mask in SECRETS:
        text = secret.sub(mask, text)
    return text


def quoted(text: str) -> str:
    """The text, as a JSON string unless it is plain, with unprintable characters escaped."""
    if PLAIN.fullmatch(text):
        return text
    return printable(json.dumps(text, ensure_ascii=False))


def printable(text: str) -> str:
    """The text on one line: control, bidi, zero-width and other characters that are not seen are escaped.

    So whoever reads it in a terminal sees what it says, and it cannot command the terminal.
    """
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return named.get(char) or (f"\\u{ord(char):04x}" if char <= "\uffff" else f"\\U{ord(char):08x}")


class AlreadyTold(logging.Filter):
    """Leaves out the responses of an outage (503) or a full disk (507), which have a line of their own."""

    def filter(self, record: logging.LogRecord) -> bool:
        return getattr(record, "status_code", None) not in (503, 507)


class LineFormatter(logging.Formatter):
    """`extra={"facts": {…}}` of a call adds pairs to the line; within a request it ends with its id."""

    def format(self, record: logging.LogRecord) -> str:
        pairs = self.facts_of(record).items()
        return " ".join(f"{name}={quoted(masked(str(value)))}" for name, value in pairs)

    def facts_of(self, record: logging.LogRecord) -> dict[str, Any]:
        """What the line says, in the order in which it says it."""
        facts: Mapping[str, Any] = getattr(record, "facts", None) or {}
        values = {
            "at": self.formatTime(record),
            "level": record.levelname.lower(),
            "from": record.name,
            "event": record.getMessage(),
            **facts,
        }
        if request_id := current_origin().request_id:
            values["request"] = request_id
        if record.exc_info:
            values["traceback"] = self.formatException(record.exc_info)
        return values

    def formatTime(self, record: logging.LogRecord, _datefmt: str | None = None) -> str:  # noqa: N802
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


class JsonFormatter(LineFormatter):
    """The same facts as one JSON object (RFC 8259) a line; whole numbers and truths stay that."""

    def format(self, record: logging.LogRecord) -> str:
        return as_json({name: self._value(value) for name, value in self.facts_of(record).items()})

    def _value(self, value: object) -> object:
        return value if isinstance(value, int) and not isinstance(value, Enum) else masked(str(value))


def as_json(value: object) -> str:
    """The value on one line of ASCII: what JSON does not know as text, times as ISO 8601."""
    return printable(json.dumps(value, default=_as_text))


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


FORMATTERS = {"pairs": LineFormatter, "json": JsonFormatter}
"""By the value of the setting FILSLUSS_LOG."""


def formatter(form: str) -> LineFormatter:
    """What makes the lines of the log in that form."""
    return FORMATTERS[form]()

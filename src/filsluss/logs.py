"""One line for each event: key=value, times in UTC, and no secret though somebody should log one."""

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

PLAIN = re.compile(r"[A-Za-z0-9._:/@+*%-]+")
SECRETS = (
    (re.compile(r"/(upload|decide|status|download|zip)/[^\s/?\"'>]+"), r"/\1/***"),
    (re.compile(r"(?<![\w-])[A-Za-z0-9_-]{43}(?![\w-])"), "***"),  # a token, wherever it stands
    (re.compile(r"(?<![\w-])(?:[2-9A-HJKMNP-TV-Z]{4}-){2}[2-9A-HJKMNP-TV-Z]{4}(?![\w-])"), "***"),
    (re.compile(r"(?<![\w-])[2-9A-HJKMNP-TV-Z]{12}(?![\w-])"), "***"),  # a code, unbroken
    (re.compile(r"([a-z+]+://)[^\s/@]+@"), r"\1***@"),  # who we are to a server, with a password
)


def masked(text: str) -> str:
    """The text without links' tokens, pickup codes, and the passwords of addresses."""
    for secret, mask in SECRETS:
        text = secret.sub(mask, text)
    return text


def quoted(text: str) -> str:
    """A value that ends where it seems to end, on one line, with nothing that a terminal would obey."""
    if PLAIN.fullmatch(text):
        return text
    shown = json.dumps(text, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in shown)


class LineFormatter(logging.Formatter):
    """`extra={"facts": {…}}` at the call gives an event more figures than its words."""

    def format(self, record: logging.LogRecord) -> str:
        facts: Mapping[str, Any] = getattr(record, "facts", None) or {}
        values = {
            "at": self.formatTime(record),
            "level": record.levelname.lower(),
            "from": record.name,
            "event": record.getMessage(),
            **facts,
        }
        if record.exc_info:
            values["traceback"] = self.formatException(record.exc_info)
        return " ".join(f"{name}={quoted(masked(str(value)))}" for name, value in values.items())

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"

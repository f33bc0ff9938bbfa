"""What is no word of a language: names, addresses, codes, checksums. A translator must leave it as it is."""

from collections.abc import Mapping
from typing import Any

OPEN, CLOSE = "\ufdd0", "\ufdd1"
"""Around such a value while a letter is written: noncharacters, which no sanitized text holds."""
VERBATIM = frozenset(
    "ref sender sender_email recipient approver support lost_to reporter reply_to name code sha256 virus "
    "file_id".split()
)
"""The names of these values, also within the values of a file or a request."""


def marked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a letter's template, with marks around those that are not to be translated."""
    return {name: _marked(name, value) for name, value in values.items()}


def _marked(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return marked(value)
    if isinstance(value, list):
        return [_marked(name, each) for each in value]
    return f"{OPEN}{value}{CLOSE}" if name in VERBATIM and isinstance(value, str) and value else value


def without_marks(text: str) -> str:
    return text.replace(OPEN, "").replace(CLOSE, "")


def as_html(escaped: str) -> str:
    """The marks of text that has been escaped as elements (HTML, 3.2.6.5: `translate`)."""
    return escaped.replace(OPEN, '<span translate="no">').replace(CLOSE, "</span>")

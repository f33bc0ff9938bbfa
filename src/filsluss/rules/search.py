"""Search: text folded so that it is found in any case and any Unicode form."""

import unicodedata

from filsluss.rules.addresses import ascii_domain, pasted_address
from filsluss.rules.filenames import without_invisible


def as_asked(query: str) -> str:
    """The query without what nobody sees; an address in it as one that is stored is written."""
    text = without_invisible(query).strip()
    if "@" not in text:
        return text
    local, at, domain = pasted_address(text).rpartition("@")
    return f"{local}{at}{ascii_domain(domain)}"


def fold(text: str) -> str:
    """NFC, then casefold, then NFC again: equal for whatever a reader takes for the same letters.

    Casefolding can leave NFC (Unicode, 3.13, definition D145), so that the form is made once more.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def prefix_range(folded: str) -> tuple[str, str]:
    """The half-open range, by code point, of every string that begins with `folded`.

    A column sorted by code point (collation C, BINARY) answers it from its index. The last character is
    raised by one; one that has no successor, or whose successor is a surrogate, is dropped first.
    """
    stem = folded
    while stem:
        after = ord(stem[-1]) + 1
        if after < 0xD800 or 0xDFFF < after <= 0x10FFFF:
            return folded, stem[:-1] + chr(after)
        stem = stem[:-1]
    return folded, "\U0010ffff"

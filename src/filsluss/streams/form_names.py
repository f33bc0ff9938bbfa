"""The name of a file in a multipart form, as browsers, programs and libraries write it."""

import email.errors
import email.header
import re
from urllib.parse import quote, unquote_to_bytes

from multipart import content_disposition_unquote, parse_options_header

QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
EXTENDED = re.compile(r";\s*filename\*\s*=\s*([A-Za-z0-9-]+)'[A-Za-z0-9-]*'([^\s;'\"]*)", re.IGNORECASE)
ENCODED_WORDS = re.compile(r"=\?[^?\s]+\?[BbQq]\?[^?\s]*\?=(?:\s+=\?[^?\s]+\?[BbQq]\?[^?\s]*\?=)*")


def name_in(disposition: str, *, by_browser: bool = True) -> str | None:
    """The file name in a `Content-Disposition` header (RFC 7578, 4.2); None if the part is no file.

    `filename*` (RFC 8187) if it can be decoded, else `filename`, where encoded words (RFC 2047) are decoded.
    """
    extended = EXTENDED.search(QUOTED.sub('""', disposition))
    if extended and (decoded := _decoded_extended(*extended.groups())) is not None:
        return decoded
    _, options = parse_options_header(disposition, unquote=content_disposition_unquote)
    name: str | None = options.get("filename")
    if not name:
        return name
    return _decoded_words(name) if by_browser else _decoded_percents(_decoded_words(name))


def _decoded_extended(charset: str, encoded: str) -> str | None:
    if charset.lower() not in ("utf-8", "iso-8859-1"):
        return None
    try:
        return unquote_to_bytes(encoded).decode(charset)
    except UnicodeDecodeError:
        return None


def _decoded_percents(name: str) -> str:
    """The name with every percent-encoding decoded, if it is just what encoding all of it gives (aiohttp).

    The three encodings of browsers are decoded already.

    Browsers leave a percent sign as it is (WHATWG HTML, "multipart/form-data encoding algorithm").
    """
    try:
        decoded = unquote_to_bytes(name).decode()
    except (UnicodeDecodeError, UnicodeEncodeError):
        return name
    encoded = quote(decoded, safe="")
    for by_browsers, sign in (("%22", '"'), ("%0D", "\r"), ("%0A", "\n")):
        encoded = encoded.replace(by_browsers, sign)
    return decoded if encoded == name else name


def _decoded_words(name: str) -> str:
    """The name with encoded words decoded, if it is nothing but encoded words and all can be decoded."""
    if not ENCODED_WORDS.fullmatch(name):
        return name
    try:
        pieces = email.header.decode_header(name)
        return "".join(
            piece.decode(charset or "ascii") for piece, charset in pieces if isinstance(piece, bytes)
        )
    except (LookupError, UnicodeDecodeError, ValueError, email.errors.HeaderParseError):
        return name

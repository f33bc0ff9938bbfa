"""Headers that change what the bytes of a body mean: heeded where that is nothing, else refused."""

import re

from multipart import MultipartSegment

from filsluss.streams.body import content_length
from filsluss.streams.request import Request
from filsluss.streams.responses import Refusal

WHOLE = re.compile(r"bytes 0-([0-9]{1,18})/([0-9]{1,18})")
PLAIN_ENCODINGS = ("", "identity")
PLAIN_TRANSFER_ENCODINGS = ("", "7bit", "8bit", "binary", "identity")


def refuse_altered_body(request: Request) -> None:
    """Refuses a body that is encoded (415) or a part of something (400, RFC 9110, 14.5).

    We store bytes as they come: a compressed body would stay compressed, and a part become a whole file.
    """
    if (request.header("Content-Encoding") or "").strip().lower() not in PLAIN_ENCODINGS:
        raise Refusal("content_encoding", headers=(("Accept-Encoding", "identity"),))
    part = request.header("Content-Range")
    if part is not None and not _is_whole(part, length=content_length(request.environ)):
        raise Refusal("content_range")


def refuse_encoded_part(part: MultipartSegment) -> None:
    """Refuses a part of a form that is encoded in base64 or otherwise (RFC 7578, 4.7)."""
    encodings = {"Content-Transfer-Encoding": PLAIN_TRANSFER_ENCODINGS, "Content-Encoding": PLAIN_ENCODINGS}
    for header, plain in encodings.items():
        if (part.header(header) or "").strip().lower() not in plain:
            raise Refusal("content_encoding")


def _is_whole(content_range: str, *, length: int | None) -> bool:
    found = WHOLE.fullmatch(content_range.strip())
    if not found or length is None:
        return False
    return int(found[1]) + 1 == int(found[2]) == length

"""Headers that change what the bytes of a body mean: heeded where that is nothing, else refused."""

import hashlib
import re
from collections.abc import Iterator

from multipart import MultipartSegment

from filsluss.streams.body import content_length
from filsluss.streams.request import Request
from filsluss.streams.responses import Refusal
from filsluss.streams.tus import Checksum, read_checksum

WHOLE = re.compile(r"bytes 0-([0-9]{1,18})/([0-9]{1,18})")
DIGEST = re.compile(r"(?:^|[, ])([\w-]+)=:([^:]*):")
OLD_DIGEST = re.compile(r"(?:^|[, ])([\w-]+)=([^,\s]*)")
ALGORITHMS = {"sha-512": "sha512", "sha-256": "sha256", "sha": "sha1", "crc32c": "crc32c"}
"""By their names in digest headers (RFC 9530, 5), the strongest first, those that tus has, too."""
DIGESTS = ("Content-Digest", "Repr-Digest", "Digest", "Content-MD5")
PLAIN = {
    "Content-Encoding": ("", "identity"),
    "Content-Transfer-Encoding": ("", "7bit", "8bit", "binary", "identity"),
}
"""The encodings that change nothing."""


def refuse_altered_body(request: Request) -> None:
    """Refuses a body that is encoded (415), a part of something (400, RFC 9110, 14.5), or summed at its end.

    We store bytes as they come: a compressed body would stay compressed, and a part become a whole file.
    """
    if not _is_plain(request, "Content-Encoding"):
        raise Refusal("content_encoding", headers=(("Accept-Encoding", "identity"),))
    if not _is_plain(request, "Content-Transfer-Encoding"):  # of mail (RFC 2045, 6), but it is sent
        raise Refusal("content_encoding")
    coding = (request.header("Transfer-Encoding") or "").strip().lower()
    if coding not in ("", "chunked"):  # gunicorn takes off the chunks, and leaves a compression
        raise Refusal("content_encoding")
    trailer = (request.header("Trailer") or "").lower()
    if any(name.lower() in trailer for name in DIGESTS):  # nobody reads trailers
        raise Refusal("checksum_unsupported")
    part = request.header("Content-Range")
    if part is not None and not _is_whole(part, length=content_length(request.environ)):
        raise Refusal("content_range")


def refuse_part_of_file(request: Request, *, length: int | None) -> None:
    """Refuses a PUT that says that its body is no whole file: a part, or a form around one.

    The headers of resumable uploads are those of tus, and of draft-ietf-httpbis-resumable-upload.
    """
    if not {"CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"} & set(request.environ):
        raise Refusal("length_required")  # RFC 9110, 8.6: a body may follow that is then lost
    parts = {
        "Upload-Complete": "?1",
        "Upload-Incomplete": "?0",
        "Upload-Offset": "0",
        "Upload-Length": str(length),
    }
    if any((request.header(name) or whole).strip() != whole for name, whole in parts.items()):
        raise Refusal("content_range")
    if (request.header("Content-Type") or "").strip().lower().startswith("multipart/"):
        raise Refusal("content_type")
    if request.header("If-Match") is not None:  # a new file is none that the client has seen
        raise Refusal("precondition_failed")


def checksum_of(request: Request) -> Checksum | None:
    """What the body must hash to; None if nothing says so. Raises Refusal if it cannot be compared.

    By `Upload-Checksum` (tus), `Content-Digest` (RFC 9530), or the older `Digest` (RFC 3230) and
    `Content-MD5` (RFC 1864). Where several say so, all but the first are left alone.
    """
    return next(_checksums(request), None)


def _checksums(request: Request) -> Iterator[Checksum | None]:
    if (raw := request.header("Upload-Checksum")) is not None:
        yield read_checksum(raw)
    for name, pattern in (("Content-Digest", DIGEST), ("Digest", OLD_DIGEST)):
        if (value := request.header(name)) is not None:
            yield read_checksum(_strongest(dict(pattern.findall(value))))
    if (value := request.header("Content-MD5")) is not None:
        yield read_checksum(f"md5 {value.strip()}", {"md5": hashlib.md5})


def _strongest(given: dict[str, str]) -> str:
    """The digest that is compared, in the form of `Upload-Checksum`; without a known one, what is refused."""
    sums = {name.lower(): value for name, value in given.items()}
    known = [f"{tus} {sums[name]}" for name, tus in ALGORITHMS.items() if name in sums]
    return known[0] if known else ""


def refuse_digest(request: Request) -> None:
    """A form is parsed while it is read: a digest of all of it could only be found wrong after its files."""
    if any(request.header(name) is not None for name in DIGESTS):
        raise Refusal("checksum_unsupported")


def refuse_encoded_part(part: MultipartSegment) -> None:
    """Refuses a part of a form that is encoded (RFC 7578, 4.7), part of a file, or has a digest."""
    if part.header("Content-Range") is not None:
        raise Refusal("content_range")
    if any(part.header(name) is not None for name in DIGESTS):
        raise Refusal("checksum_unsupported")
    if not all(_is_plain(part, name) for name in PLAIN):
        raise Refusal("content_encoding")


def _is_plain(headers: Request | MultipartSegment, name: str) -> bool:
    """Whether that header leaves the bytes as they are."""
    return (headers.header(name) or "").strip().lower() in PLAIN[name]


def _is_whole(content_range: str, *, length: int | None) -> bool:
    found = WHOLE.fullmatch(content_range.strip())
    if not found or length is None:
        return False
    return int(found[1]) + 1 == int(found[2]) == length

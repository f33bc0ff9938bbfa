"""Downloads: a ready file or one range of it, sent with sendfile or by the proxy."""

import os
import re
from base64 import b64encode
from datetime import datetime
from io import BufferedReader
from typing import Any

from django.conf import settings
from django.db import connection

from filsluss.blobs import BlobMissing
from filsluss.blobs.disk import DiskStore
from filsluss.models import Link, TransferFile
from filsluss.models.link import FILE_PURPOSES
from filsluss.rules.filenames import content_disposition
from filsluss.rules.paths import BLOBS_BY_PROXY
from filsluss.rules.tokens import Purpose
from filsluss.streams.ranges import (
    Span,
    Unsatisfiable,
    changed_since,
    match,
    none_match,
    range_holds,
    read_range,
)
from filsluss.streams.recording import record
from filsluss.streams.request import Request
from filsluss.streams.responses import Headers, Refusal, Response, http_date
from filsluss.streams.sending import SendingBlob, begin, registry

PIECE = 1 << 20
PLAIN_RANGE = re.compile("bytes=([0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})")


def find(request: Request, *purposes: Purpose) -> tuple[Link, TransferFile]:
    """The link of the URL, and its file; refuses an unknown link (404) and one that is over (410)."""
    link = Link.behind(request.path_params["token"], *(purposes or FILE_PURPOSES))
    if link is None or link.file is None:
        raise Refusal("not_found")
    if not link.file.is_open_at(request.now):
        raise Refusal("upload_gone")
    return link, link.file


def about(file: TransferFile, *, now: datetime) -> Headers:
    """The file's headers (RFC 9110, RFC 9530); an attachment, so that browsers never render it here."""
    digest = b64encode(bytes.fromhex(file.sha256)).decode()
    return (
        ("Content-Type", "application/octet-stream"),
        ("Content-Disposition", content_disposition(file.name)),
        ("ETag", file.etag),
        ("Last-Modified", http_date(file.last_modified, now=now)),
        ("Accept-Ranges", "bytes"),
        ("Repr-Digest", f"sha-256=:{digest}:"),
        ("Cache-Control", "private, no-store"),
        ("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'"),
    )


def span_of(request: Request, file: TransferFile, size: int) -> Span | None:
    """The range asked for; None for the whole file. Ranges apply to GET only (RFC 9110, 14.2)."""
    if request.method != "GET" or not range_holds(request.header("If-Range"), etag=file.etag):
        return None
    try:
        return read_range(request.header("Range"), size=size)
    except Unsatisfiable:
        raise Refusal("range_unsatisfiable", headers=(("Content-Range", f"bytes */{size}"),)) from None


def fetch(request: Request) -> Response:
    link, file = find(request)
    size, headers = file.size or 0, about(file, now=request.now)
    if is_unmodified(request, file):
        return Response(304, headers)
    span = span_of(request, file, size)
    part = (("Content-Range", span.content_range(size)),) if span else ()
    status, span = (206, span) if span else (200, Span(0, size))
    length = ("Content-Length", str(span.length))
    if request.method == "HEAD":
        return Response(status, (*headers, *part, length))
    if leaves_by_proxy(request, is_part=status == 206):
        return hand_over(request, link, headers, span)
    return Response(status, (*headers, *part, length), send(request, link, span))


def is_unmodified(request: Request, file: TransferFile) -> bool:
    """Whether to answer 304; refuses what another precondition rules out (RFC 9110, 13.2.2)."""
    if (tags := request.header("If-Match")) is not None:
        fails = not match(tags, etag=file.etag)
    else:
        fails = changed_since(request.header("If-Unmodified-Since"), modified=file.last_modified) is True
    if fails:
        raise Refusal("precondition_failed")
    if (tags := request.header("If-None-Match")) is not None:
        return not none_match(tags, etag=file.etag)
    return changed_since(request.header("If-Modified-Since"), modified=file.last_modified) is False


def leaves_by_proxy(request: Request, *, is_part: bool) -> bool:
    """Whether FILSLUSS_ACCEL is set and the proxy is sure to read ranges and conditions as we do."""
    asked = request.header("Range")
    conditional = request.header("If-Match") or request.header("If-Unmodified-Since")
    same_range = asked is None or (is_part and PLAIN_RANGE.fullmatch(asked))
    return bool(settings.ACCEL and same_range and not conditional)


def hand_over(request: Request, link: Link, headers: Headers, span: Span) -> Response:
    """A response that lets the proxy send the blob, including a range (`X-Accel-Redirect`).

    The proxy does not report how many bytes it sent: the whole range counts as sent (docs/proxy.md).
    """
    store, file = request.store, link.file
    assert isinstance(store, DiskStore)
    assert file is not None
    if not store.exists(file.blob):
        raise Refusal("upload_gone")
    record(request, link, span.start, span.stop)
    where = ("X-Accel-Redirect", BLOBS_BY_PROXY.path(store.below(file.blob)))
    return Response(200, (*headers, where, ("Content-Length", "0")))


def send(request: Request, link: Link, span: Span) -> Any:
    """The response body: the blob in the server's file wrapper, which sends it with sendfile."""
    assert link.file is not None
    active = begin(link, request.environ)
    try:
        blob = request.store.open(link.file.blob)
        ahead = read_ahead(blob, span) if request.store.is_shared else b""
    except BlobMissing:
        registry.drop(active)
        raise Refusal("upload_gone") from None
    except BaseException:
        registry.drop(active)
        raise
    connection.close()
    sending = SendingBlob(blob, request, link, span, active=active, ahead=ahead)
    return request.environ["wsgi.file_wrapper"](sending, PIECE)


def read_ahead(blob: BufferedReader, span: Span) -> bytes:
    """The first bytes of what is to be sent: whether the store answers shows before the status is sent."""
    blob.raw.seek(span.start, os.SEEK_SET)
    data = blob.raw.read(min(PIECE, span.length)) or b""
    if span.length and not data:
        raise BlobMissing("erased meanwhile")
    return data

"""Downloads: any one range of a ready file, sent by the kernel, counted when it was fetched whole."""

import re
from base64 import b64encode
from typing import Any

from django.conf import settings
from django.db import connection

from filsluss.blobs import BlobMissing
from filsluss.blobs.disk import DiskStore
from filsluss.models import TransferFile
from filsluss.rules.filenames import content_disposition
from filsluss.streams.ranges import Span, Unsatisfiable, match, none_match, range_holds, read_range
from filsluss.streams.request import Request
from filsluss.streams.responses import Headers, Refusal, Response
from filsluss.streams.sending import SendingBlob, record

PLAIN_RANGE = re.compile("bytes=([0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})")
BESIDE_US = "/filsluss-bytes/"
"""Where the proxy keeps the store for itself; see deploy/nginx.conf."""


def find(request: Request) -> TransferFile:
    """The file this link opens now; refuses an unknown link (404) and one that is over (410)."""
    token = request.path_params["token"]
    file = TransferFile.objects.by_link(token).first() or TransferFile.objects.by_pickup(token).first()
    if file is None:
        raise Refusal("not_found")
    if not file.is_open_at(request.now):
        raise Refusal("upload_gone")
    return file


def about(file: TransferFile) -> Headers:
    """RFC 9110 and 9530: what it is, and that it is never shown on our own pages."""
    digest = b64encode(bytes.fromhex(file.sha256)).decode()
    return (
        ("Content-Type", "application/octet-stream"),
        ("Content-Disposition", content_disposition(file.name)),
        ("ETag", file.etag),
        ("Accept-Ranges", "bytes"),
        ("Repr-Digest", f"sha-256=:{digest}:"),
        ("Cache-Control", "private, no-store"),
        ("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'"),
    )


def span_of(request: Request, file: TransferFile, size: int) -> Span | None:
    """The part asked for; None for the whole. Ranges are for GET alone (RFC 9110, 14.2)."""
    if request.method != "GET" or not range_holds(request.header("If-Range"), etag=file.etag):
        return None
    try:
        return read_range(request.header("Range"), size=size)
    except Unsatisfiable:
        raise Refusal("range_unsatisfiable", headers=(("Content-Range", f"bytes */{size}"),)) from None


def fetch(request: Request) -> Response:
    file = find(request)
    size, headers = file.size or 0, about(file)
    if not match(request.header("If-Match"), etag=file.etag):
        raise Refusal("precondition_failed")
    if not none_match(request.header("If-None-Match"), etag=file.etag):
        return Response(304, headers)
    span = span_of(request, file, size)
    part = (("Content-Range", span.content_range(size)),) if span else ()
    status, span = (206, span) if span else (200, Span(0, size))
    length = ("Content-Length", str(span.length))
    if request.method == "HEAD":
        return Response(status, (*headers, *part, length))
    if leaves_by_proxy(request, is_part=status == 206):
        return hand_over(request, file, headers, span)
    return Response(status, (*headers, *part, length), send(request, file, span))


def leaves_by_proxy(request: Request, *, is_part: bool) -> bool:
    """With FILSLUSS_ACCEL, whatever the proxy is sure to read as we do; we send the rest ourselves."""
    asked = request.header("Range")
    unlike = request.header("If-Match") or request.header("If-Unmodified-Since")
    alike = asked is None or (is_part and PLAIN_RANGE.fullmatch(asked))
    return bool(settings.ACCEL and alike and not unlike)


def hand_over(request: Request, file: TransferFile, headers: Headers, span: Span) -> Response:
    """The proxy beside us sends the bytes, range and all.

    Nobody tells us how far it came: what was handed over counts as sent (docs/proxy.md).
    """
    store = request.store
    assert isinstance(store, DiskStore)
    if not store.exists(file.blob):
        raise Refusal("upload_gone")
    record(request, file, span.start, span.stop)
    where = ("X-Accel-Redirect", BESIDE_US + store.below(file.blob))
    return Response(200, (*headers, where, ("Content-Length", "0")))


def send(request: Request, file: TransferFile, span: Span) -> Any:
    """The bytes through the server's file wrapper, which hands them to sendfile."""
    try:
        blob = request.store.open(file.blob)
    except BlobMissing:
        raise Refusal("upload_gone") from None
    connection.close()
    return request.environ["wsgi.file_wrapper"](SendingBlob(blob, request, file, span), 1 << 20)

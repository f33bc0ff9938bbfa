"""Downloads: any one range of a ready file, sent by the kernel, counted when it was fetched whole."""

import os
from base64 import b64encode
from io import BufferedReader
from typing import Any

from django.db import connection

from filsluss.actions import download
from filsluss.blobs import BlobMissing
from filsluss.models import TransferFile
from filsluss.rules.filenames import content_disposition
from filsluss.streams.answers import Answer, Headers, Refusal
from filsluss.streams.ranges import Span, Unsatisfiable, match, none_match, range_holds, read_range
from filsluss.streams.request import Request

PATIENCE = 60.0  # seconds that a client may take nothing


def find(request: Request) -> TransferFile:
    """The file this link opens now; refuses an unknown link (404) and one that is over (410)."""
    token = request.place["token"]
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


def fetch(request: Request) -> Answer:
    file = find(request)
    size, headers = file.size or 0, about(file)
    if not match(request.header("If-Match"), etag=file.etag):
        raise Refusal("precondition_failed")
    if not none_match(request.header("If-None-Match"), etag=file.etag):
        return Answer(304, headers)
    span = span_of(request, file, size)
    part = (("Content-Range", span.content_range(size)),) if span else ()
    status, span = (206, span) if span else (200, Span(0, size))
    length = ("Content-Length", str(span.length))
    body = () if request.method == "HEAD" else send(request, file, span)
    return Answer(status, (*headers, *part, length), body)


def send(request: Request, file: TransferFile, span: Span) -> Any:
    """The bytes through the server's file wrapper, which hands them to sendfile."""
    try:
        blob = request.store.open(file.blob)
    except BlobMissing:
        raise Refusal("upload_gone") from None
    connection.close()
    if sock := request.environ.get("gunicorn.socket"):
        sock.settimeout(PATIENCE)
    return request.environ["wsgi.file_wrapper"](Leaving(blob, request, file, span), 1 << 20)


class Leaving:
    """An open blob on its way out, which knows how far it was sent.

    `socket.sendfile` leaves the file's position at what was sent, also when the client goes away.
    """

    def __init__(self, blob: BufferedReader, request: Request, file: TransferFile, span: Span) -> None:
        self._blob, self._request, self._file, self._span = blob, request, file, span
        self._reached = span.start
        os.lseek(blob.fileno(), span.start, os.SEEK_SET)

    def fileno(self) -> int:
        return self._blob.fileno()

    def seek(self, position: int) -> None:
        self._reached = max(self._reached, position)

    def read(self, size: int) -> bytes:
        """For servers without sendfile."""
        self._reached = os.lseek(self.fileno(), 0, os.SEEK_CUR)
        return os.read(self.fileno(), max(0, min(size, self._span.stop - self._reached)))

    def close(self) -> None:
        self._blob.close()
        if self._reached > self._span.start or self._span.length == 0:
            download.record_sent(
                self._file,
                start=self._span.start,
                reached=self._reached,
                policy=self._request.policy,
                now=self._request.now,
            )
            connection.close()

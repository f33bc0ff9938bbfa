"""Downloads of all files of a transfer: a ZIP64 archive, created while it is sent."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import tzinfo
from typing import Any

from django.db import connection

from filsluss.blobs import BlobMissing
from filsluss.models import Link, TransferFile
from filsluss.rules.filenames import content_disposition, distinct_names
from filsluss.rules.tokens import Purpose
from filsluss.streams import downloads
from filsluss.streams.request import Request
from filsluss.streams.responses import Refusal, Response, http_date
from filsluss.streams.sending import ActiveDownload, record, still_downloadable, tracked
from filsluss.streams.zip_format import Member, archive_size, end_of_archive, local_header

PIECE = 1 << 20


def find(request: Request) -> dict[TransferFile, Link]:
    """Every ready file with the recipient's link to it, if the URL has the link of a letter.

    Refuses the link of a code, which opens one file only.
    """
    link, file = downloads.find(request, Purpose.DOWNLOAD)
    if file.transfer.public_id != request.path_params["id"]:
        raise Refusal("not_found")
    links = Link.objects.filter(party=link.party, purpose=Purpose.DOWNLOAD, revoked_at=None)
    own = {each.file_id: each for each in links.select_related("party")}
    found: dict[TransferFile, Link] = {}
    for ready in file.transfer.files.ready():
        if ready.pk in own:
            ready.transfer = file.transfer
            own[ready.pk].file = ready
            found[ready] = own[ready.pk]
    return found


def fetch(request: Request) -> Response:
    """Stored, not deflated, so that its length is known before its first byte."""
    links = find(request)
    members = members_of(links, zone=request.policy.time_zone)
    headers = (
        ("Content-Type", "application/zip"),
        ("Content-Disposition", content_disposition(f"{request.path_params['id']}.zip")),
        ("Content-Length", str(archive_size(members))),
        ("Last-Modified", http_date(max(file.last_modified for file in links), now=request.now)),
        ("Accept-Ranges", "none"),
        ("Cache-Control", "private, no-store"),
        ("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'"),
    )
    connection.close()
    return Response(200, headers, () if request.method == "HEAD" else archive(request, links, members))


def members_of(files: Iterable[TransferFile], *, zone: tzinfo) -> list[Member]:
    """A member for each file, with names that differ also where capitals are not told apart."""
    files = list(files)
    names = distinct_names(file.name for file in files)
    return [
        Member(name, file.size or 0, file.crc32 or 0, file.last_modified.astimezone(zone))
        for file, name in zip(files, names, strict=True)
    ]


def archive(request: Request, links: dict[TransferFile, Link], members: list[Member]) -> Iterator[bytes]:
    """The archive's bytes; ends early, with the connection cut, if a file may not be sent any more."""
    for position, (file, link) in enumerate(links.items()):
        with tracked(file, request.environ) as active:
            if file.crc32 is None:
                members[position] = replace(members[position], crc32=crc_of(request, file, active))
            yield local_header(members[position])
            yield from pieces(request, link, file, active)
            if active.is_cut:
                return
    yield end_of_archive(members)


def crc_of(request: Request, file: TransferFile, active: ActiveDownload) -> int:
    """The CRC-32 of a file that was made ready before it was kept; the file is read twice."""
    try:
        return request.store.digests(file.blob).crc32
    except BlobMissing:
        active.cut()
        return 0


def pieces(request: Request, link: Link, file: TransferFile, active: ActiveDownload) -> Iterator[bytes]:
    """The file's bytes, if it may still be downloaded; recorded as sent when all of them were asked for."""
    if not still_downloadable({file.pk}, now=request.now):
        active.cut()
    connection.close()
    yield from _read(request, file, active)
    if not active.is_cut:
        record(request, link, 0, file.size or 0)


def _read(request: Request, file: TransferFile, active: ActiveDownload) -> Iterator[bytes]:
    try:
        blob: Any = request.store.open(file.blob)
    except BlobMissing:
        return active.cut()
    with blob:
        left = file.size or 0
        while left and not active.is_cut:
            data = os.read(blob.fileno(), min(PIECE, left))
            if not data:
                return active.cut()
            left -= len(data)
            yield data
    return None

"""Downloads of all files of a transfer: a ZIP64 archive, created while it is sent."""

import os
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

from django.db import connection
from zipstream import ZipStream

from filsluss.blobs import BlobMissing
from filsluss.models import Link, TransferFile
from filsluss.rules.filenames import content_disposition
from filsluss.rules.tokens import Purpose
from filsluss.streams import downloads
from filsluss.streams.request import Request
from filsluss.streams.responses import Refusal, Response
from filsluss.streams.sending import ActiveDownload, record, still_downloadable, tracked

PIECE = 1 << 20


def distinct(names: Iterable[str]) -> list[str]:
    """The names in order, made unique without regard to case: a.txt, a (2).txt."""
    taken: set[str] = set()
    return [_free(name, taken) for name in names]


def _free(name: str, taken: set[str]) -> str:
    path, found, number = PurePosixPath(name), name, 1
    while found.casefold() in taken:
        number += 1
        found = f"{path.stem} ({number}){path.suffix}"
    taken.add(found.casefold())
    return found


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
    archive = ZipStream(sized=True)
    for (file, link), name in zip(links.items(), distinct(file.name for file in links), strict=True):
        archive.add(pieces(request, file, link), name, size=file.size or 0)
    headers = (
        ("Content-Type", "application/zip"),
        ("Content-Disposition", content_disposition(f"{request.path_params['id']}.zip")),
        ("Content-Length", str(len(archive))),
        ("Accept-Ranges", "none"),
        ("Cache-Control", "private, no-store"),
        ("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'"),
    )
    connection.close()
    return Response(200, headers, () if request.method == "HEAD" else archive)


def pieces(request: Request, file: TransferFile, link: Link) -> Iterator[bytes]:
    """The file's bytes, if it may still be downloaded; recorded as sent when all of them were asked for."""
    with tracked(file, request.environ) as active:
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

"""Downloads of all files of a transfer: a ZIP64 archive, created while it is sent."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import tzinfo
from typing import Any

from django.db import connection

from filsluss import outages
from filsluss.blobs import BlobMissing, StoreAway
from filsluss.models import Link, TransferFile
from filsluss.rules.filenames import content_disposition, distinct_paths
from filsluss.rules.tokens import Purpose
from filsluss.streams import downloads
from filsluss.streams.recording import record
from filsluss.streams.request import Request
from filsluss.streams.responses import Refusal, Response, http_date
from filsluss.streams.sending import ActiveDownload, begin, next_bytes, registry, still_downloadable
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
    if not links:
        raise Refusal("upload_gone")
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
    if request.method == "HEAD":
        return Response(200, headers)
    active = begin(next(iter(links.values())), request.environ)
    connection.close()
    return Response(200, headers, Archive(request, links, members, active=active))


def members_of(files: Iterable[TransferFile], *, zone: tzinfo) -> list[Member]:
    """A member for each file, with names that differ also where capitals are not told apart."""
    files = list(files)
    names = distinct_paths(file.path for file in files)
    return [
        Member(name, file.size or 0, file.crc32 or 0, file.last_modified.astimezone(zone))
        for file, name in zip(files, names, strict=True)
    ]


class Archive:
    """The archive as a response's body; it is one download, whichever file it has come to."""

    def __init__(
        self,
        request: Request,
        links: dict[TransferFile, Link],
        members: list[Member],
        *,
        active: ActiveDownload,
    ) -> None:
        self._request, self._links, self._members, self._active = request, links, members, active

    def __iter__(self) -> Iterator[bytes]:
        """Ends early, with the connection cut, if a file may not be sent any more, or cannot be."""
        try:
            yield from self._in_turn()
        except outages.AWAY as fault:
            outages.database_failed(fault)
            self._active.cut()
        except StoreAway as fault:
            outages.store.met(fault)
            self._active.cut()

    def _in_turn(self) -> Iterator[bytes]:
        for position, file in enumerate(self._links):
            self._active.file = file.pk
            if not still_downloadable({file.pk}, now=self._request.now):
                return self._active.cut()
            connection.close()
            if file.crc32 is None:
                self._members[position] = replace(self._members[position], crc32=self._crc_of(file))
            yield local_header(self._members[position])
            yield from self._pieces(file)
            if self._active.is_cut:
                return None
        yield end_of_archive(self._members)
        return None

    def close(self) -> None:
        """Called by the server at the end of the response, however it ended (PEP 3333)."""
        registry.drop(self._active)

    def _crc_of(self, file: TransferFile) -> int:
        """The CRC-32 of a file that was made ready before it was kept; the file is read twice."""
        try:
            return self._request.store.digests(file.blob).crc32
        except BlobMissing:
            self._active.cut()
            return 0

    def _pieces(self, file: TransferFile) -> Iterator[bytes]:
        """The file's bytes; what was sent of them is recorded.

        All of them count as sent when the archive has asked for what follows them. Of an archive that breaks
        off nobody knows how much of the last piece has left: it counts, but for the file's last byte.
        """
        size, reached, is_whole = file.size or 0, 0, False
        try:
            for piece in read(self._request, file, self._active):
                reached += len(piece)
                yield piece
            is_whole = not self._active.is_cut
        finally:
            reached = size if is_whole else min(reached, size - 1)
            if is_whole or reached > 0:
                record(self._request, self._links[file], 0, reached)


def read(request: Request, file: TransferFile, active: ActiveDownload) -> Iterator[bytes]:
    try:
        blob: Any = request.store.open(file.blob)
    except BlobMissing:
        return active.cut()
    with blob:
        left = file.size or 0
        while left and not active.is_cut:
            data = next_bytes(blob, min(PIECE, left))
            if not data:
                return active.cut()
            left -= len(data)
            yield data
    return None

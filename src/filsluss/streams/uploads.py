"""Uploads over tus 1.0.0: announced, continued from the true offset, received once."""

import contextlib
from collections.abc import Iterator
from email.utils import format_datetime

from django.db import connection

from filsluss.actions import upload
from filsluss.blobs import BlobBusy, BlobDamaged, BlobMissing, StoreFull, Writer
from filsluss.models import TransferFile
from filsluss.rules.lifecycle import WHOLE_FILE, ErasedBecause, FileState
from filsluss.streams.body import Body
from filsluss.streams.request import Request, deadline_of, refuse_over, this_boot
from filsluss.streams.responses import Headers, Refusal, Response
from filsluss.streams.tus import (
    BODY_TYPE,
    EXTENSIONS,
    SUMS,
    VERSION,
    Checksum,
    read_checksum,
    read_length,
    read_metadata,
    read_number,
)

GONE = (FileState.INFECTED, FileState.ERASING, FileState.ERASED)


def options(request: Request) -> Response:
    about = (
        ("Tus-Version", VERSION),
        ("Tus-Extension", EXTENSIONS),
        ("Tus-Max-Size", str(request.policy.max_file_size)),
        ("Tus-Checksum-Algorithm", ",".join(SUMS)),
    )
    return Response(204, about)


def require_tus_version(request: Request) -> None:
    if request.header("Tus-Resumable") != VERSION:
        raise Refusal("version_unsupported", headers=(("Tus-Version", VERSION),))


def create(request: Request) -> Response:
    """POST (tus, "creation"): a new file, and with "creation-with-upload" its first bytes."""
    require_tus_version(request)
    transfer = request.transfer()
    if request.header("Upload-Concat") is not None:
        raise Refusal("metadata_invalid")
    size = read_length(request.header("Upload-Length"), request.header("Upload-Defer-Length"))
    metadata = read_metadata(request.header("Upload-Metadata"))
    body = Body(request.environ, until=deadline_of(transfer, request.now))
    carries = request.header("Content-Type") == BODY_TYPE and body.length != 0
    checksum = read_checksum(request.header("Upload-Checksum")) if carries else None
    if carries and size is not None and (body.length or 0) > size:
        raise Refusal("too_large")
    file = upload.begin(
        transfer, name=metadata.filename, size=size, with_code=metadata.with_code, metadata=metadata.raw,
        boot_id=this_boot(), store=request.store, policy=request.policy, now=request.now,
    )  # fmt: skip
    offset = 0
    if carries or size == 0:
        offset = first_bytes(request, file, body, checksum)
    where = ("Location", f"{request.policy.base_url}{path_of(request, file)}")
    return Response(201, (where, ("Upload-Offset", str(offset)), *expiry(file, request)))


def first_bytes(request: Request, file: TransferFile, body: Body, checksum: Checksum | None) -> int:
    """The body of a creation; a wrong checksum takes the creation back, a cut body does not."""
    try:
        with writing(request, file, body) as writer:
            receive_bytes(request, file, body, writer, checksum=checksum)
            return writer.offset
    except Refusal as refusal:
        if refusal.code not in ("checksum_mismatch", "too_large"):
            raise
        upload.take_away(file, because=ErasedBecause.WITHDRAWN, now=request.now)
        raise


def path_of(request: Request, file: TransferFile) -> str:
    return f"/upload/{request.path_params['token']}/files/{file.upload_id}"


def expiry(file: TransferFile, request: Request) -> Headers:
    """`Upload-Expires` (tus, "expiration") while bytes are missing: two days after the last, or the end."""
    if file.state != FileState.UPLOADING or file.transfer.open_until is None:
        return ()
    until = min(file.transfer.open_until, request.now + request.policy.upload_idle)
    utc = until.astimezone(request.now.tzinfo)
    return (("Upload-Expires", format_datetime(utc, usegmt=True)),)


def find(request: Request) -> TransferFile:
    """The transfer's file with this upload id; refuses an unknown one (404) and one that is gone (410)."""
    file = TransferFile.at_upload(request.path_params["token"], request.path_params["upload"])
    if file is None:
        request.transfer()  # if it is the link that is wrong, it says so
        raise Refusal("not_found")
    refuse_over(file.transfer, now=request.now)
    if file.state in GONE:
        raise Refusal("upload_gone")
    return file


@contextlib.contextmanager
def writing(request: Request, file: TransferFile, body: Body | None = None) -> Iterator[Writer]:
    """The blob, for us alone and at its true offset: whoever wrote before has let go and writes no more."""
    stop = (lambda: body.stop("preempted")) if body else None
    try:
        with request.store.writer(file.blob, on_release_asked=stop) as writer:
            file.reload_progress()
            if file.state in GONE:
                raise Refusal("upload_gone")
            recover_offset(file, writer, request)
            yield writer
    except BlobMissing:
        raise Refusal("upload_gone") from None
    except BlobBusy:
        raise Refusal("busy", headers=(("Retry-After", "5"),)) from None


def recover_offset(file: TransferFile, writer: Writer, request: Request) -> None:
    """After another start of the machine only acknowledged bytes count."""
    if file.state != FileState.UPLOADING or file.boot_id == this_boot():
        return
    if writer.offset > file.acknowledged:
        writer.truncate(file.acknowledged)
        writer.sync()
    upload.acknowledge(file, offset=writer.offset, boot_id=this_boot(), now=request.now)


def head(request: Request) -> Response:
    file = find(request)
    with writing(request, file) as writer:
        offset = writer.offset
    length = ("Upload-Defer-Length", "1") if file.size is None else ("Upload-Length", str(file.size))
    echoed = (("Upload-Metadata", file.metadata),) if file.metadata else ()
    return Response(
        200,
        (
            ("Upload-Offset", str(offset)),
            length,
            ("Cache-Control", "no-store"),
            *echoed,
            *expiry(file, request),
        ),
    )


def patch(request: Request) -> Response:
    """PATCH (tus, core): appends at the offset both sides agree on."""
    require_tus_version(request)
    file = find(request)
    if request.header("Content-Type") != BODY_TYPE:
        raise Refusal("content_type")
    told = read_number(request.header("Upload-Offset") or "", code="offset_invalid")
    checksum = read_checksum(request.header("Upload-Checksum"))
    body = Body(request.environ, until=deadline_of(file.transfer, request.now))
    with writing(request, file, body) as writer:
        if told != writer.offset:
            where = (("Upload-Offset", str(writer.offset)),)
            raise Refusal("offset_mismatch", headers=where, expected=writer.offset, provided=told)
        declare(request, file, writer.offset)
        if file.state not in WHOLE_FILE:
            receive_bytes(request, file, body, writer, checksum=checksum)
        elif body.length != 0:
            raise Refusal("too_large")
        offset = writer.offset
    return Response(204, (("Upload-Offset", str(offset)), *expiry(file, request)))


def declare(request: Request, file: TransferFile, offset: int) -> None:
    """A length that was put off and comes now (tus, "creation-defer-length")."""
    raw = request.header("Upload-Length")
    if raw is None:
        return
    size = read_number(raw, code="length_invalid")
    if size < offset:
        raise Refusal("length_invalid")
    upload.declare_size(file, size=size, policy=request.policy)


def receive_bytes(
    request: Request, file: TransferFile, body: Body, writer: Writer, *, checksum: Checksum | None = None
) -> None:
    """Moves a body into the blob, puts it on disk, remembers it, and receives the file if it is whole.

    Raises Refusal when the client must be told of less than all it sent; the offset is then in a header.
    """
    start = writer.offset
    room = (request.policy.max_file_size if file.size is None else file.size) - start
    if body.length is not None and body.length > room:
        raise Refusal("too_large")
    if checksum:
        distrust_unacknowledged(request, file, writer)
    connection.close()  # a body may take hours; nobody waits for its connection
    full = False
    with body:
        try:
            _pour(body, writer, room, checksum)
        except StoreFull:
            full = True
        overran = not full and not body.stopped and body.count >= room and body.has_more()
    if overran or (checksum and not (body.is_whole and checksum.holds())):
        writer.truncate(start)
    save_progress(request, file, writer)
    if overran:
        raise Refusal("too_large")
    if writer.offset == file.size:
        receive(request, file)  # whatever the client is told: HEAD will tell it that all is here
    _report(request, body, writer, full=full, checksum=checksum)


def distrust_unacknowledged(request: Request, file: TransferFile, writer: Writer) -> None:
    """What has a checksum is nothing until that was compared, though the house should die meanwhile."""
    if writer.offset > file.acknowledged:
        save_progress(request, file, writer)
    upload.distrust_unacknowledged(file)


def receive(request: Request, file: TransferFile) -> None:
    upload.receive(file, boot_id=this_boot(), now=request.now)
    if file.state in GONE:
        raise Refusal("upload_gone")


def _pour(body: Body, writer: Writer, room: int, checksum: Checksum | None) -> None:
    if checksum is None:
        body.pour(writer, room=room)
        return
    for piece in body.pieces(room=room):
        checksum.sum.update(piece)
        writer.write(piece)


def save_progress(request: Request, file: TransferFile, writer: Writer) -> None:
    """Puts what came on disk and says so in the row, before anybody is told."""
    full = False
    try:
        writer.sync()
    except BlobDamaged:
        upload.take_away(file, because=ErasedBecause.DAMAGED, now=request.now)
        raise Refusal("damaged") from None
    except StoreFull:
        full = True
        writer.truncate(file.acknowledged)
    if writer.offset != file.size:
        upload.acknowledge(file, offset=writer.offset, boot_id=this_boot(), now=request.now)
    if full:
        raise Refusal("disk_full", headers=(("Upload-Offset", str(writer.offset)),))


def _report(request: Request, body: Body, writer: Writer, *, full: bool, checksum: Checksum | None) -> None:
    where = (("Upload-Offset", str(writer.offset)),)
    if full:
        raise Refusal("disk_full", headers=where)
    if not body.is_whole:
        raise Refusal(body.stopped or "connection_reset", headers=where)
    if checksum and not checksum.holds():
        raise Refusal("checksum_mismatch", headers=where)


def terminate(request: Request) -> Response:
    """DELETE (tus, "termination"): the sender takes the file back, finished or not."""
    require_tus_version(request)
    upload.remove_own(find(request), policy=request.policy, now=request.now)
    return Response(204)

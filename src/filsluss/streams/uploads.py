"""Uploads over tus 1.0.0: appended to, resumed at the stored offset, received once."""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from email.utils import format_datetime

from django.db import connection

from filsluss import outages
from filsluss.actions import upload
from filsluss.actions.erasure import take_away
from filsluss.actions.missing_bytes import found_missing
from filsluss.blobs import BlobBusy, BlobDamaged, BlobMissing, ObjectMissing, StoreAway, StoreFull, Writer
from filsluss.models import TransferFile
from filsluss.models.upload_queries import file_at_upload_link, reload_progress
from filsluss.rules.lifecycle import WHOLE_FILE, ErasedBecause, FileState
from filsluss.rules.paths import UPLOAD
from filsluss.rules.refusals import Refused
from filsluss.streams.allowance import RequestAllowance
from filsluss.streams.body import Body
from filsluss.streams.content_headers import checksum_of
from filsluss.streams.leases import taken
from filsluss.streams.recent import just_announced
from filsluss.streams.request import Deadline, Request, refuse_over
from filsluss.streams.responses import Headers, Refusal, Response
from filsluss.streams.tus import BODY_TYPE, EXTENSIONS, SUMS, VERSION, Checksum, read_number

GONE = (FileState.INFECTED, FileState.WITHHELD, FileState.ERASING, FileState.ERASED)


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


def path_of(request: Request, upload_id: str) -> str:
    return UPLOAD.path(request.path_params["token"], "files", upload_id)


def expiry(request: Request, file: TransferFile, open_until: datetime | None) -> Headers:
    """`Upload-Expires` (tus, "expiration") of an incomplete upload: `upload_idle` from its last byte, or
    the end.
    """
    if file.state != FileState.UPLOADING or open_until is None:
        return ()
    until = min(open_until, file.active_at + request.policy.upload_idle)
    utc = until.astimezone(request.now.tzinfo)
    return (("Upload-Expires", format_datetime(utc, usegmt=True)),)


def find(request: Request) -> TransferFile:
    """The transfer's file with this upload id; refuses an unknown one (404) and one that is gone (410)."""
    file = file_at_upload_link(request.path_params["token"], request.path_params["upload"])
    if file is None:
        request.transfer()  # raises the link's own refusal, if it is the link that is wrong
        raise Refusal("not_found")
    refuse_over(file.transfer, now=request.now)
    if file.state in GONE:
        raise Refusal("upload_gone")
    return file


@contextlib.contextmanager
def writing(request: Request, file: TransferFile, body: Body | None = None) -> Iterator[Writer]:
    """The blob's only writer, at the recovered offset; an earlier writer has released the blob."""
    stop = (lambda: body.stop("preempted")) if body else None
    writer: Writer | None = None
    try:
        with taken(file, request, stop) as (writer, lease):
            file.hold_under(lease.epoch)
            if lease.epoch is not None or not is_as_stored(file, writer.offset, request.services.boot_id):
                reload_progress(file, lease=lease.epoch)
            if file.state in GONE:
                raise Refusal("upload_gone")
            recover_offset(file, writer, request)
            upload.give_back(file, offset=writer.offset)
            yield writer
    except (BlobMissing, TransferFile.DoesNotExist):
        raise Refusal("upload_gone") from None
    except BlobBusy:
        raise Refusal("busy") from None
    except outages.AWAY as fault:
        if not outages.is_full(fault):
            raise
        outages.database_failed(fault)
        raise refusal_at(writer.offset if writer else file.acknowledged, "disk_full") from None


def is_as_stored(file: TransferFile, offset: int, boot_id: str) -> bool:
    """Whether its row, read before we held the blob, says what is stored: then it is not read again.

    Who held it between would have left more bytes, or nothing to find. A removal meanwhile is found when the
    row is changed, as one that comes later.
    """
    is_announced = file.state == FileState.UPLOADING and file.size is not None
    return is_announced and file.boot_id == boot_id and file.acknowledged == file.arrived == offset


def recover_offset(file: TransferFile, writer: Writer, request: Request) -> None:
    """After a reboot only acknowledged bytes count: others may not have reached the disk."""
    boot_id = request.services.boot_id
    if file.state != FileState.UPLOADING or file.boot_id == boot_id:
        return
    if writer.offset > file.acknowledged:
        writer.truncate(file.acknowledged)
        writer.sync()
    upload.acknowledge(file, offset=writer.offset, boot_id=boot_id, now=request.now)


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
            *expiry(request, file, file.transfer.open_until),
        ),
    )


def patch(request: Request) -> Response:
    """PATCH (tus, core protocol): appends at the offset on which client and server agree."""
    require_tus_version(request)
    file = just_announced(**request.path_params) or find(request)
    if request.header("Content-Type") != BODY_TYPE:
        raise Refusal("content_type")
    claimed = read_number(request.header("Upload-Offset") or "", code="offset_invalid")
    checksum = checksum_of(request)
    body = Body(request.environ, is_over=Deadline(file.transfer, now=request.now).is_over)
    with writing(request, file, body) as writer:
        if claimed != writer.offset:
            where = (("Upload-Offset", str(writer.offset)),)
            raise Refusal("offset_mismatch", headers=where, expected=writer.offset, provided=claimed)
        declare(request, file, writer.offset)
        if file.state not in WHOLE_FILE:
            receive_bytes(request, file, body, writer, checksum=checksum)
        elif body.length != 0:
            raise Refusal("too_large")
        offset = writer.offset
    expires = expiry(request, file, file.transfer.open_until)
    return Response(204, (("Upload-Offset", str(offset)), *expires))


def declare(request: Request, file: TransferFile, offset: int) -> None:
    """Takes the `Upload-Length` that the creation deferred (tus, "creation-defer-length")."""
    raw = request.header("Upload-Length")
    if raw is None:
        return
    size = read_number(raw, code="length_invalid")
    if size < offset:
        raise Refusal("length_invalid")
    upload.declare_size(file, size=size, services=request.services, now=request.now)


def receive_bytes(
    request: Request, file: TransferFile, body: Body, writer: Writer, *, checksum: Checksum | None = None
) -> None:
    """Copies a body to the blob, syncs and acknowledges it, and receives the file if it is complete.

    Raises Refusal if not all of the body was kept, or not all had room; its headers then have the
    Upload-Offset.
    """
    start = writer.offset
    limit = (request.policy.max_file_size if file.size is None else file.size) - start
    if body.length is not None and body.length > limit:
        raise Refusal("too_large")
    if checksum:
        distrust_unacknowledged(request, file, writer)
    writer.allowance = RequestAllowance(request, file, body, start=start)
    no_room, overran = "", False
    try:
        if not checksum and (content := body.take_small()) is not None:
            writer.write(content)
        else:
            connection.close()  # a body may take hours: hold no database connection meanwhile
            overran = _read(body, writer, limit, checksum)
    except StoreFull:
        no_room = "disk_full"
    except Refused as refused:
        no_room = refused.code
    except StoreAway as fault:
        met(fault, file, request)
        no_room = "busy"
    if overran or (checksum and (no_room or not (body.is_whole and checksum.holds()))):
        writer.truncate(start)
    save_progress(request, file, writer)
    if overran:
        raise Refusal("too_large")
    if writer.offset > start and not no_room:
        outages.store.over()
    if writer.offset == file.size:
        receive(request, file)  # also before a refusal: the client's next HEAD shows a complete upload
    _report(body, writer, no_room=no_room, checksum=checksum)


def distrust_unacknowledged(request: Request, file: TransferFile, writer: Writer) -> None:
    """Bytes with a checksum are not acknowledged until it has been verified, even across a crash."""
    if writer.offset > file.acknowledged:
        save_progress(request, file, writer)
    upload.distrust_unacknowledged(file)


def receive(request: Request, file: TransferFile) -> None:
    upload.receive(file, boot_id=request.services.boot_id, now=request.now)
    if file.state in GONE:
        raise Refusal("upload_gone")


def _read(body: Body, writer: Writer, limit: int, checksum: Checksum | None) -> bool:
    """Copies the body; whether it goes on after `limit` bytes."""
    with body:
        _copy(body, writer, limit, checksum)
        return not body.stopped and body.count >= limit and body.has_more()


def _copy(body: Body, writer: Writer, limit: int, checksum: Checksum | None) -> None:
    if checksum is None:
        body.copy_to(writer, limit=limit)
        return
    for piece in body.pieces(limit=limit):
        checksum.sum.update(piece)
        writer.write(piece)


def save_progress(request: Request, file: TransferFile, writer: Writer) -> None:
    """Syncs what was written and records the offset in the row, before the client is told of it."""
    refused = ""
    try:
        writer.sync(keep=file.acknowledged)
    except BlobDamaged:
        take_away(file, because=ErasedBecause.DAMAGED, as_writer=True, now=request.now)
        raise Refusal("damaged") from None
    except StoreFull:
        refused = "disk_full"
    except StoreAway as fault:
        met(fault, file, request)
        refused = "busy"
    if writer.offset != file.size:
        acknowledge(request, file, writer.offset)
    if refused:
        raise refusal_at(writer.offset, refused)


def met(fault: StoreAway, file: TransferFile, request: Request) -> None:
    """Notes that the store did not answer, or that it lacks what it had stored of the file."""
    outages.store.met(fault)
    if isinstance(fault, ObjectMissing):
        found_missing(file, as_writer=True, now=request.now)


def acknowledge(request: Request, file: TransferFile, offset: int) -> None:
    """Records the offset, of which a client is not told if the file is gone or a newer writer cut us off."""
    if upload.acknowledge(file, offset=offset, boot_id=request.services.boot_id, now=request.now):
        return
    held = file.epoch
    reload_progress(file)
    if file.state in GONE:
        raise Refusal("upload_gone")
    if file.epoch > held:
        raise Refusal("preempted")


def refusal_at(offset: int, code: str) -> Refusal:
    """A refusal after which the client goes on at that offset, later if the fault passes."""
    return Refusal(code, headers=(("Upload-Offset", str(offset)),))


def _report(body: Body, writer: Writer, *, no_room: str, checksum: Checksum | None) -> None:
    if no_room:
        raise refusal_at(writer.offset, no_room)
    if not body.is_whole:
        raise refusal_at(writer.offset, body.stopped or "connection_reset")
    if checksum and not checksum.holds():
        raise refusal_at(writer.offset, "checksum_mismatch")


def terminate(request: Request) -> Response:
    """DELETE (tus, "termination"): the sender removes the file, complete or not."""
    require_tus_version(request)
    upload.remove_own(find(request), now=request.now)
    return Response(204)

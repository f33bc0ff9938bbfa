"""Creation of an upload over tus: empty, with first bytes, or received at once if small and whole."""

from filsluss.actions import upload
from filsluss.actions.erasure import take_away
from filsluss.actions.upload_at_once import WholeFile, upload_at_once
from filsluss.blobs import BlobDamaged
from filsluss.models import TransferFile
from filsluss.models.upload_queries import UploadAccount
from filsluss.rules.filenames import clean_folder
from filsluss.rules.lifecycle import ErasedBecause
from filsluss.streams.body import Body
from filsluss.streams.choices import refuse_queried_choices
from filsluss.streams.content_headers import checksum_of
from filsluss.streams.recent import keep_announced
from filsluss.streams.request import Deadline, Request
from filsluss.streams.responses import Refusal, Response
from filsluss.streams.tus import BODY_TYPE, Checksum, Metadata, read_length, read_metadata
from filsluss.streams.uploads import expiry, path_of, receive_bytes, require_tus_version, writing

UNDOING, UNKEPT = {"checksum_mismatch", "too_large"}, {"busy", "disk_full"}


def create(request: Request) -> Response:
    """POST (tus, "creation"): a new file, and with "creation-with-upload" its first bytes."""
    require_tus_version(request)
    account = request.account()
    if request.header("Upload-Concat") is not None:
        raise Refusal("metadata_invalid")
    refuse_queried_choices(request)
    size = read_length(request.header("Upload-Length"), request.header("Upload-Defer-Length"))
    metadata = read_metadata(request.header("Upload-Metadata"))
    body = Body(request.environ, is_over=Deadline(account, now=request.now).is_over)
    carries = request.header("Content-Type") == BODY_TYPE and body.length != 0
    checksum = checksum_of(request) if carries else None
    if carries and size is not None and (body.length or 0) > size:
        raise Refusal("too_large")
    if (content := taken_whole(body, size) if carries or size == 0 else None) is not None:
        return create_at_once(request, account, metadata, content, checksum)
    file = announce(request, account, metadata, size)
    offset = 0
    if carries or size == 0:
        file.transfer = request.transfer()
        offset = first_bytes(request, file, body, checksum)
    else:
        keep_announced(request.path_params["token"], file, account)
    return created(request, file.upload_id, offset, *expiry(request, file, account.open_until))


def taken_whole(body: Body, size: int | None) -> bytes | None:
    """Every byte of a small file; None if it is not small, or not all of it is here."""
    return body.take_small() if body.length == size else None


def create_at_once(
    request: Request, account: UploadAccount, metadata: Metadata, content: bytes, checksum: Checksum | None
) -> Response:
    if checksum:
        checksum.sum.update(content)
        if not checksum.holds():
            raise Refusal("checksum_mismatch", headers=(("Upload-Offset", "0"),))
    file = WholeFile(
        metadata.filename, clean_folder(metadata.folder), content, metadata.choices, metadata.raw
    )
    return created(request, received_at_once(request, account, file), len(content))


def received_at_once(request: Request, account: UploadAccount, file: WholeFile) -> str:
    """The upload id of the file; refuses with "damaged" if the disk did not take its bytes."""
    try:
        return upload_at_once(
            file,
            account=account,
            services=request.services,
            now=request.now,
        )
    except BlobDamaged:
        raise Refusal("damaged") from None


def announce(request: Request, account: UploadAccount, metadata: Metadata, size: int | None) -> TransferFile:
    return upload.begin(
        account,
        name=metadata.filename,
        folder=clean_folder(metadata.folder),
        size=size,
        choices=metadata.choices,
        metadata=metadata.raw,
        services=request.services,
        now=request.now,
    )


def first_bytes(request: Request, file: TransferFile, body: Body, checksum: Checksum | None) -> int:
    """The body of a creation; a wrong checksum undoes the creation, an incomplete body does not.

    Nor does it stay if none of the body could be kept: its client hears of no address, and begins anew.
    """
    try:
        with writing(request, file, body) as writer:
            receive_bytes(request, file, body, writer, checksum=checksum)
            return writer.offset
    except Refusal as refusal:
        if refusal.code not in (UNDOING if file.acknowledged else UNDOING | UNKEPT):
            raise
        take_away(file, because=ErasedBecause.WITHDRAWN, as_writer=True, now=request.now)
        raise


def created(request: Request, upload_id: str, offset: int, *more: tuple[str, str]) -> Response:
    where = ("Location", f"{request.policy.base_url}{path_of(request, upload_id)}")
    return Response(201, (where, ("Upload-Offset", str(offset)), *more))

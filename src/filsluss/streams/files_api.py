"""The state of a transfer's files as JSON, for the upload page and for programs."""

import hashlib
from datetime import datetime
from typing import Any

from filsluss.models import Letter, Transfer, TransferFile
from filsluss.models.letter import READY_KINDS
from filsluss.models.pickup import first_fetch, first_partly
from filsluss.rules.lifecycle import FileState
from filsluss.streams.request import Request, this_boot
from filsluss.streams.responses import Refusal, Response, as_json
from filsluss.streams.tus import read_metadata
from filsluss.streams.uploads import find

SAMPLE = 1 << 20


def files(request: Request) -> Response:
    """Every file of the transfer, with its offset, its state and the delivery of its letter."""
    transfer = request.transfer()
    rows = list(transfer.files.order_by("created_at", "id").prefetch_related("pickups"))
    told = transfer.letter_cases.filter(letter__kind__in=READY_KINDS).select_related("letter").order_by("pk")
    letters = {case.file_id: case.letter for case in told}
    now, lasts = request.now, request.policy.promise_lasts
    taken = sum(row.taken_at(now, lasts=lasts) for row in rows)
    return as_json(
        {
            "max_size": request.policy.max_file_size,
            "room": max(0, request.policy.max_transfer_size - taken),
            "files": [entry(row, letters.get(row.pk), transfer, request) for row in rows],
        }
    )


def entry(file: TransferFile, letter: Letter | None, transfer: Transfer, request: Request) -> dict[str, Any]:
    uploading = file.state == FileState.UPLOADING
    until = file.active_at + request.policy.upload_idle
    expires = min(until, transfer.open_until or until) if uploading else None
    return {
        "id": file.upload_id,
        "public_id": file.public_id,
        "name": file.name,
        "size": file.size,
        "offset": offset_of(file, request),
        "state": file.state,
        "with_code": file.with_code,
        "sha256": file.sha256,
        "last_modified": read_metadata(file.metadata).last_modified,
        "created_at": iso_time(file.created_at),
        "active_at": iso_time(file.active_at),
        "received_at": iso_time(file.received_at),
        "ready_at": iso_time(file.ready_at),
        "fetched_at": iso_time(first_fetch(file)),
        "partly_at": iso_time(first_partly(file)),
        "expires_at": iso_time(expires),
        "letter": letter.delivery if letter else None,
        "letter_at": iso_time(letter.sent_at) if letter else None,
        "erased_because": file.erased_because,
    }


def iso_time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def offset_of(file: TransferFile, request: Request) -> int:
    """The bytes stored, read without interrupting the writer; after a reboot only those acknowledged."""
    if file.state != FileState.UPLOADING:
        return file.size or 0
    try:
        size = request.store.size(file.blob)
    except LookupError:
        return 0
    return size if file.boot_id == this_boot() else min(size, file.acknowledged)


def samples(request: Request) -> Response:
    """SHA-256 of the first and last mebibyte stored, to check that a sender resumes with the same file."""
    file = find(request)
    offset = offset_of(file, request)
    with request.store.open(file.blob) as blob:
        return as_json(
            {
                "offset": offset,
                "head": sample(blob, 0, min(SAMPLE, offset)),
                "tail": sample(blob, max(0, offset - SAMPLE), offset),
            }
        )


def sample(blob: Any, start: int, end: int) -> dict[str, Any]:
    blob.seek(start)
    data = blob.read(end - start)
    if len(data) != end - start:
        raise Refusal("upload_gone")
    return {"start": start, "end": end, "sha256": hashlib.sha256(data).hexdigest()}

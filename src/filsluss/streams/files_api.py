"""What a page or a program may ask about the files of its transfer, as JSON."""

import hashlib
from datetime import datetime
from typing import Any

from filsluss.models import Transfer, TransferFile
from filsluss.models.letter import Letter
from filsluss.rules.lifecycle import LIVE_FILE, FileState
from filsluss.streams.request import Request, this_boot
from filsluss.streams.responses import Refusal, Response, as_json
from filsluss.streams.tus import read_metadata
from filsluss.streams.uploads import find

SAMPLE = 1 << 20


def files(request: Request) -> Response:
    """Every file of the transfer, with how far it has come and what became of its letter."""
    transfer = request.transfer()
    rows = list(transfer.files.order_by("created_at", "id"))
    letters = {letter.file_id: letter for letter in transfer.letters.filter(kind="file-ready")}
    taken = sum(row.size or 0 for row in rows if row.state in LIVE_FILE)
    return as_json(
        {
            "max_size": request.policy.max_file_size,
            "room": max(0, request.policy.max_transfer_size - taken),
            "files": [about(row, letters.get(row.pk), transfer, request) for row in rows],
        }
    )


def about(file: TransferFile, letter: Letter | None, transfer: Transfer, request: Request) -> dict[str, Any]:
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
        "created_at": text(file.created_at),
        "active_at": text(file.active_at),
        "received_at": text(file.received_at),
        "ready_at": text(file.ready_at),
        "fetched_at": text(file.fetched_at),
        "expires_at": text(expires),
        "letter": letter.delivery if letter else None,
        "letter_at": text(letter.sent_at) if letter else None,
        "erased_because": file.erased_because,
    }


def text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def offset_of(file: TransferFile, request: Request) -> int:
    """How much is here, without disturbing whoever is writing; of another boot, what was acknowledged."""
    if file.state != FileState.UPLOADING:
        return file.size or 0
    try:
        size = request.store.size(file.blob)
    except LookupError:
        return 0
    return size if file.boot_id == this_boot() else min(size, file.acknowledged)


def samples(request: Request) -> Response:
    """SHA-256 of the first and of the last mebibyte that are here: does the file in hand go on from there?"""
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

"""The state of a transfer's files as JSON, for the upload page and for programs."""

import contextlib
import hashlib
from datetime import datetime, timedelta
from typing import Any

from filsluss.actions.stored_bytes import stored_bytes
from filsluss.models import Letter, Transfer, TransferFile
from filsluss.models.batches import MOST_NAMES
from filsluss.models.letter import Delivery
from filsluss.models.pickup import first_fetch, first_partly
from filsluss.rules.letter_kinds import READY_KINDS
from filsluss.rules.lifecycle import FileState
from filsluss.streams.request import Request
from filsluss.streams.responses import Refusal, Response, as_json
from filsluss.streams.tus import read_metadata
from filsluss.streams.uploads import find

SAMPLE = 1 << 20
SHORT_SAMPLE, MOST_SAMPLES = 1 << 18, 64
"""Bytes and number of the samples between the first and the last: all of a file of up to 18 MiB."""
OVERLAP = timedelta(seconds=10)  # a row may show a little later than its stamp says


def files(request: Request) -> Response:
    """Every file of the transfer, with its offset, its state and the delivery of its letter.

    With `?after=` the `at` of an earlier answer: at least those that have changed since.
    """
    after = moment(request.query("after"))
    transfer = request.transfer()
    in_order = transfer.files.order_by("created_at", "id").prefetch_related("pickups")
    rows = list(in_order.iterator(chunk_size=MOST_NAMES))
    told = transfer.letter_cases.filter(letter__kind__in=READY_KINDS).select_related("letter").order_by("pk")
    letters = {case.file_id: case.letter for case in told}
    now, lasts = request.now, request.policy.promise_lasts
    taken = sum(row.taken_at(now, lasts=lasts) for row in rows)
    return as_json(
        {
            "max_size": request.policy.max_file_size,
            "room": max(0, request.policy.max_transfer_size - taken),
            "at": now.isoformat(),
            "files": [
                entry(row, letters.get(row.pk), transfer, request)
                for row in rows
                if after is None or may_differ(row, letters.get(row.pk), after)
            ],
        }
    )


def moment(text: str) -> datetime | None:
    """A moment in ISO 8601 with its offset; None if it is none."""
    with contextlib.suppress(ValueError):
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else None
    return None


def may_differ(file: TransferFile, letter: Letter | None, after: datetime) -> bool:
    """False if it had reached a state that only stamped events leave, and none since `after`."""
    is_told = letter is not None and letter.delivery == Delivery.SENT
    if file.state != FileState.ERASED and not (file.state == FileState.READY and is_told):
        return True
    stamps = (
        file.active_at,
        file.erased_at,
        first_fetch(file),
        first_partly(file),
        letter and letter.sent_at,
    )
    return any(stamp + OVERLAP >= after for stamp in stamps if stamp)


def entry(file: TransferFile, letter: Letter | None, transfer: Transfer, request: Request) -> dict[str, Any]:
    metadata = read_metadata(file.metadata)
    uploading = file.state == FileState.UPLOADING
    until = file.active_at + request.policy.upload_idle
    expires = min(until, transfer.open_until or until) if uploading else None
    return {
        "id": file.upload_id,
        "public_id": file.public_id,
        "name": file.name,
        "folder": file.folder,
        "sent_name": file.sent_name or file.name,
        "sent_folder": metadata.folder,
        "size": file.size,
        "offset": offset_of(file, request),
        "state": file.state,
        "with_code": file.with_code,
        "sha256": file.sha256,
        "last_modified": metadata.last_modified,
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
    return stored_bytes(file, services=request.services)


def samples(request: Request) -> Response:
    """SHA-256 of the first and last mebibyte stored, and of samples between them.

    By these a sender checks that they go on with the same file, and that it has not changed on the way.
    """
    file = find(request)
    offset = offset_of(file, request)
    with request.store.open(file.blob) as blob:
        return as_json(
            {
                "offset": offset,
                "head": sample(blob, 0, min(SAMPLE, offset)),
                "between": [sample(blob, start, end) for start, end in between(SAMPLE, offset - SAMPLE)],
                "tail": sample(blob, max(0, offset - SAMPLE), offset),
            }
        )


def between(start: int, end: int) -> list[tuple[int, int]]:
    """Beginning and end of each sample between the two: of all, or else evenly spread."""
    length = max(0, end - start)
    count = min(MOST_SAMPLES, -(-length // SHORT_SAMPLE))
    step = max(1, count - 1)
    starts = [start + max(0, length - SHORT_SAMPLE) * number // step for number in range(count)]
    return [(first, min(first + SHORT_SAMPLE, end)) for first in starts]


def sample(blob: Any, start: int, end: int) -> dict[str, Any]:
    blob.seek(start)
    data = blob.read(end - start)
    if len(data) != end - start:
        raise Refusal("upload_gone")
    return {"start": start, "end": end, "sha256": hashlib.sha256(data).hexdigest()}

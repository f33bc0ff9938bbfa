"""Probe: a temporary account with which `filsluss check --deploy` uploads and downloads from outside."""

import contextlib
import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from filsluss.actions.apply import insert_rows
from filsluss.blobs import erase_held, held_writer
from filsluss.installation import Services
from filsluss.models import AuditEntry, Link, Party, Transfer, TransferFile
from filsluss.models.link import token_of
from filsluss.models.public_id import with_free_public_id
from filsluss.rules.directions import Direction, Role
from filsluss.rules.lifecycle import FileState, State
from filsluss.rules.tokens import Purpose, draw_public_id, draw_upload_id

MINUTES = 10
FILE_SIZE = 1 << 20
PURPOSE = "filsluss check --deploy"


@dataclass(frozen=True)
class ProbeAccount:
    """Tokens of the account's upload link and of its one ready file, and the bytes of that file."""

    upload: str
    download: str
    content: bytes


@contextlib.contextmanager
def open_account(*, services: Services, now: datetime) -> Iterator[ProbeAccount]:
    """An open account without addresses, so that no letter is written about it.

    Its row and its bytes are deleted on leaving. After a crash it ends by itself, after MINUTES.
    """
    transfer = Transfer(
        public_id=draw_public_id(),
        state=State.OPEN,
        direction=Direction.OUTBOUND,
        purpose=PURPOSE,
        applied_at=now,
        decided_at=now,
        open_until=now + timedelta(minutes=MINUTES),
    )
    sender = Party.draw(Role.SENDER, address="", language=services.policy.language)
    transfer.keep_parties([sender], all_of_them=True)

    def insert() -> None:
        with transaction.atomic():
            insert_rows(transfer, parties=[sender], services=services, now=now)

    with_free_public_id(transfer, insert)
    try:
        content = secrets.token_bytes(FILE_SIZE)
        download = _ready_file(content, party=sender, services=services, now=now)
        yield ProbeAccount(token_of(sender, Purpose.UPLOAD, services.policy.link_keys), download, content)
    finally:
        _delete(transfer, services=services)


def _ready_file(content: bytes, *, party: Party, services: Services, now: datetime) -> str:
    """Stores a file as if it had been uploaded, and returns the token of a link to it.

    It is no party's to fetch (no `Pickup`), so that nothing is recorded of its downloads.
    """
    blob = draw_upload_id()
    services.store.create(blob)
    with held_writer(blob, store=services.store, locker=services.locker) as (writer, _):
        writer.write(content)
        writer.sync()
    name = "filsluss-check.bin"
    file = TransferFile.objects.create(
        transfer_id=party.transfer_id,
        public_id=draw_public_id(),
        upload_id=blob,
        state=FileState.READY,
        name=name,
        folded=name,
        size=len(content),
        acknowledged=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        created_at=now,
        active_at=now,
        received_at=now,
        ready_at=now,
    )
    link = Link.draw(Purpose.DOWNLOAD, key=services.policy.link_keys[0], party=party, file=file, now=now)
    link.save()
    return link.token(services.policy.link_keys)


def _delete(transfer: Transfer, *, services: Services) -> None:
    for file in transfer.files.all():
        erase_held(file.blob, store=services.store, locker=services.locker)
    AuditEntry.objects.filter(transfer_public_id=transfer.public_id).delete()
    transfer.delete()

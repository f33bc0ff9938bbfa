"""Small files that come whole in one request: announced and received in one transaction."""

# The bytes are on disk before the row says that they are there, so that a crash between the two leaves a blob
# without a row, which nobody was told of, and never a row without its bytes.

from dataclasses import dataclass
from datetime import datetime

from filsluss.actions import room
from filsluss.actions.transitions import write_entry
from filsluss.actions.upload import Choices, checked_size, choose, identity, receipt_of
from filsluss.blobs import Bytes, erase_held
from filsluss.installation import Services
from filsluss.models import Party, TransferFile
from filsluss.models.public_id import insert_drawing
from filsluss.models.upload_queries import NEW_FILE, UploadAccount
from filsluss.rules.directions import Proof
from filsluss.rules.lifecycle import FileState
from filsluss.sqlite.joint_commit import in_transaction


@dataclass(frozen=True)
class WholeFile:
    """A file as it came: its name, folder and metadata unchecked, and every byte of it."""

    name: str
    folder: str
    content: Bytes
    choices: Choices
    metadata: str


def upload_at_once(file: WholeFile, *, account: UploadAccount, services: Services, now: datetime) -> str:
    """Stores and receives the file; returns its upload id when bytes and row are on disk.

    Raises UploadRefused for every reason to refuse a file, StoreFull or BlobDamaged; nothing is stored then.
    """
    room.refuse_closed(account, now=now)
    size = checked_size(len(file.content), services=services) or 0
    names = identity(file.name)
    is_tight = room.refuse_full(size, services=services, now=now)

    def receive(public_id: str) -> None:
        room.lock_open(account, now=now)
        room.refuse_too_many(account, size=size, services=services, now=now)
        if is_tight:
            room.refuse_full_in_turn(size, services=services, now=now)
        drawn = {**names, "public_id": public_id}
        write_rows(file, account=account, names=drawn, boot_id=services.boot_id, now=now)

    services.store.put(names["upload_id"], file.content)
    try:
        insert_drawing(TransferFile, names["public_id"], lambda drawn: in_transaction(lambda: receive(drawn)))
    except BaseException:
        erase_held(names["upload_id"], store=services.store, locker=services.locker)
        raise
    return names["upload_id"]


def write_rows(
    file: WholeFile, *, account: UploadAccount, names: dict[str, str], boot_id: str, now: datetime
) -> None:
    """The row of the file, received; what the upload proves of its sender; and the audit entry."""
    size = len(file.content)
    path = f"{file.folder}/{names['name']}" if file.folder else names["name"]
    NEW_FILE.insert(
        transfer_id=account.pk,
        **names,
        folder=file.folder,
        state=FileState.RECEIVED.value,
        size=size,
        with_code=file.choices.with_code,
        metadata=file.metadata,
        acknowledged=size,
        arrived=size,
        boot_id=boot_id,
        created_at=now,
        active_at=now,
        received_at=now,
    )
    choose(account, choices=file.choices)
    write_entry(
        "received",
        cause=receipt_of(path, now=now),
        now=now,
        transfer_public_id=account.public_id,
        party_public_id=account.sender_public_id,
        proof=proved(account, now=now),
        file_public_id=names["public_id"],
        about=names["name"],
        size=size,
    )


def proved(account: UploadAccount, *, now: datetime) -> str:
    """The sender's proof now that they have used the link, which is stored if it is a stronger one."""
    if account.sender_proof != Proof.NONE:
        return account.sender_proof
    sender = Party(pk=account.sender_pk, proof=account.sender_proof)
    sender.prove(Proof.MAILBOX, now=now)
    return sender.proof

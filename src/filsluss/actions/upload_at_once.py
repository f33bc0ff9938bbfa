"""Small files that come whole in one request: announced and received in one transaction."""

# The bytes are on disk before the row says that they are there, so that a crash between the two leaves a blob
# without a row, which nobody was told of, and never a row without its bytes.

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from filsluss.actions import room
from filsluss.actions.admission import Admission, Asking, refusals_of
from filsluss.actions.blob_of_row import discarded_unless_written
from filsluss.actions.choices import Choices, store_choices
from filsluss.actions.room import UploadRefused
from filsluss.actions.transitions import Cause, entry
from filsluss.actions.upload import checked_size, identity, proved, receipt_of
from filsluss.blobs import Bytes
from filsluss.installation import Services
from filsluss.models import TransferFile
from filsluss.models.audit import NEW_ENTRY
from filsluss.models.public_id import insert_drawing
from filsluss.models.upload_queries import NEW_FILE, UploadAccount
from filsluss.rules.lifecycle import FileState
from filsluss.sqlite.joint_commit import together


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
    room.refuse_without_space(size, services=services)
    coming = Coming(file, account, receipt_of(path_of(file, name=names["name"]), now=now), services, now)

    def receive(public_id: str) -> None:
        together((coming, {**names, "public_id": public_id}), receive_all)

    services.store.put(names["upload_id"], file.content)
    with discarded_unless_written(names["upload_id"], services=services):
        insert_drawing(TransferFile, names["public_id"], receive)
    return names["upload_id"]


def path_of(file: WholeFile, *, name: str) -> str:
    return f"{file.folder}/{name}" if file.folder else name


class Coming(NamedTuple):
    """A whole file whose bytes are on disk, on its way into its rows."""

    file: WholeFile
    account: UploadAccount
    cause: Cause
    services: Services
    now: datetime

    @property
    def asking(self) -> Asking:
        return Asking(self.account, len(self.file.content), 0, self.services, self.now)

    def row(self, names: dict[str, str]) -> dict[str, Any]:
        """The columns of the file, received."""
        size = len(self.file.content)
        return {
            **names,
            "transfer_id": self.account.pk,
            "folder": self.file.folder,
            "state": FileState.RECEIVED.value,
            "size": size,
            "with_code": self.file.choices.with_code,
            "metadata": self.file.metadata,
            "acknowledged": size,
            "arrived": size,
            "boot_id": self.services.boot_id,
            "created_at": self.now,
            "active_at": self.now,
            "received_at": self.now,
        }

    def entry(self, names: dict[str, str]) -> dict[str, Any]:
        """Its columns in the audit trail. Stores what the upload proves of its sender."""
        return entry(
            step="received",
            cause=self.cause,
            now=self.now,
            transfer_public_id=self.account.public_id,
            party_public_id=self.account.sender_public_id,
            proof=proved(self.account.sender_pk, proof=self.account.sender_proof, now=self.now),
            file_public_id=names["public_id"],
            about=names["name"],
            size=len(self.file.content),
        )


def receive_all(files: list[tuple[Coming, dict[str, str]]]) -> list[UploadRefused | None]:
    """Writes the rows of files with their names and ids; why each is refused, None if it is received."""
    refusals = refusals_of([coming.asking for coming, _ in files], admission=Admission())
    admitted = [each for each, refusal in zip(files, refusals, strict=True) if not refusal]
    store_choices((coming.account, coming.file.choices) for coming, _ in admitted)
    NEW_FILE.insert_all([coming.row(names) for coming, names in admitted])
    NEW_ENTRY.insert_all([coming.entry(names) for coming, names in admitted])
    return refusals

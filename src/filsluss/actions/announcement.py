"""The row of a file that is announced, written together with those of others that come at the same time."""

from datetime import datetime
from typing import Any, NamedTuple

from filsluss.actions.admission import Admission, Asking, refusals_of
from filsluss.actions.choices import Choices, store_choices
from filsluss.actions.room import UploadRefused
from filsluss.installation import Services
from filsluss.models import Transfer, TransferFile
from filsluss.models.upload_queries import NEW_FILE, UploadAccount


class Announced(NamedTuple):
    """A file on its way into its row."""

    file: TransferFile
    transfer: Transfer | UploadAccount
    choices: Choices
    services: Services
    now: datetime

    @property
    def asking(self) -> Asking:
        needed = least_room(self.file.size)
        return Asking(self.transfer, needed, needed, self.services, self.now)


def announce_all(files: list[Announced]) -> list[int | UploadRefused]:
    """Writes the rows of new files; the id of each, or why it is refused.

    By one statement, unless they need to see what the others have been promised of the disk.
    """
    admission = Admission()
    refusals = refusals_of([file.asking for file in files], admission=admission)
    if admission.is_tight and len(files) > 1:
        return [outcome for file in files for outcome in announce_all([file])]
    admitted = [file for file, refusal in zip(files, refusals, strict=True) if not refusal]
    store_choices((file.transfer, file.choices) for file in admitted)
    ids = iter(NEW_FILE.insert_all([columns_of(file.file) for file in admitted]))
    return [refusal or next(ids) for refusal in refusals]


def columns_of(file: TransferFile) -> dict[str, Any]:
    """The columns of a new file's row; every one that is not in NEW_FILE has its default."""
    return {name: value for name, value in file.__dict__.items() if name in NEW_FILE.given}


def least_room(size: int | None) -> int:
    """The bytes that must be free for a file to be announced; of one of unknown length its first byte."""
    return 1 if size is None else size

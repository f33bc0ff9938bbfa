"""The blob of a file whose row is being written: without the row it goes, unless nobody can say."""

import contextlib
from collections.abc import Iterator

from filsluss import outages
from filsluss.blobs import erase_held
from filsluss.installation import Services
from filsluss.models import TransferFile


@contextlib.contextmanager
def erased_unless_written(name: str, *, services: Services) -> Iterator[None]:
    """Erases the blob if the block fails, whose whole transaction writes the row of the file.

    If the answer to its COMMIT was lost and the row is there, the block has not failed. If it is not, it may
    still come: the blob stays, and one without a row is erased as an orphan later.
    """
    try:
        yield
    except BaseException as fault:
        if not outages.is_unsure(fault):
            erase_held(name, store=services.store, locker=services.locker)
            raise
        if not TransferFile.objects.filter(upload_id=name).exists():
            raise

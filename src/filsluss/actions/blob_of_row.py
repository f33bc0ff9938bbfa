"""The blob of a file whose row is being written: without the row it goes, unless nobody can say."""

import contextlib
import logging
from collections.abc import Iterator

from django.db import Error

from filsluss import outages
from filsluss.installation import Services
from filsluss.models import TransferFile

log = logging.getLogger(__name__)


@contextlib.contextmanager
def discarded_unless_written(name: str, *, services: Services) -> Iterator[None]:
    """Discards the blob if the block fails, whose whole transaction writes the row of the file.

    If the answer to its COMMIT was lost and the row is there, the block has not failed. If it is not, it may
    still come: the blob stays, and one without a row is erased as an orphan later. So is one that cannot be
    discarded now: whoever was refused is told why, and not of that.
    """
    try:
        yield
    except BaseException as fault:
        if not outages.is_unsure(fault):
            _discard(name, services=services)
            raise
        if not TransferFile.objects.filter(upload_id=name).exists():
            raise


def _discard(name: str, *, services: Services) -> None:
    try:
        services.store.discard(name)
    except (OSError, Error) as fault:
        log.warning("the blob of a refused file is left as an orphan: %s", type(fault).__name__)

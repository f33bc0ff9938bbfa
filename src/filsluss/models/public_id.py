"""Public ids are short enough to be read aloud, so a drawn one may exist: then another is drawn."""

from collections.abc import Callable

from django.db import IntegrityError

from filsluss.models.file import TransferFile
from filsluss.models.transfer import Transfer
from filsluss.rules.tokens import draw_public_id

TRIES = 20


def with_free_public_id(row: Transfer | TransferFile, insert: Callable[[], None]) -> None:
    """Runs `insert`, a whole transaction, again with a new public id while the row's is taken.

    Raises any other IntegrityError, and one after TRIES.
    """
    for _ in range(TRIES):
        try:
            return insert()
        except IntegrityError:
            if not type(row)._default_manager.filter(public_id=row.public_id).exists():
                raise
            row.pk, row.public_id = None, draw_public_id()
    raise IntegrityError("no public id was free")

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

    def insert_as(public_id: str) -> None:
        if public_id != row.public_id:
            row.pk, row.public_id = None, public_id
        insert()

    insert_drawing(type(row), row.public_id, insert_as)


def insert_drawing(
    model: type[Transfer | TransferFile], public_id: str, insert: Callable[[str], None]
) -> str:
    """The same for `insert` that takes the public id; returns the one that was free."""
    for _ in range(TRIES):
        try:
            insert(public_id)
        except IntegrityError:
            if not model._default_manager.filter(public_id=public_id).exists():
                raise
            public_id = draw_public_id()
        else:
            return public_id
    raise IntegrityError("no public id was free")

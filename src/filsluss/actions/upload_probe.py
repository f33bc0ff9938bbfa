"""Upload probe: a temporary account with which `filsluss check --deploy` tests uploads from outside."""

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction

from filsluss.actions.apply import insert_rows
from filsluss.blobs import Store
from filsluss.models import AuditEntry, Party, Transfer
from filsluss.models.link import token_of
from filsluss.models.public_id import with_free_public_id
from filsluss.rules.directions import Direction, Role
from filsluss.rules.lifecycle import State
from filsluss.rules.policy import Policy
from filsluss.rules.tokens import Purpose, draw_public_id

MINUTES = 10
PURPOSE = "filsluss check --deploy"


@contextlib.contextmanager
def open_account(*, store: Store, policy: Policy, now: datetime) -> Iterator[str]:
    """The token of an open account without addresses, so that no letter is written about it.

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
    sender = Party.draw(Role.SENDER, address="", language=policy.language)
    transfer.keep_parties([sender], all_of_them=True)

    def insert() -> None:
        with transaction.atomic():
            insert_rows(transfer, parties=[sender], policy=policy, now=now)

    with_free_public_id(transfer, insert)
    try:
        yield token_of(sender, Purpose.UPLOAD, policy.link_keys)
    finally:
        _delete(transfer, store)


def _delete(transfer: Transfer, store: Store) -> None:
    for file in transfer.files.all():
        store.erase(file.blob)
    AuditEntry.objects.filter(transfer_public_id=transfer.public_id).delete()
    transfer.delete()

"""Probe: an account of the house's own, to look at its uploads from outside; it leaves nothing behind."""

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta

from filsluss.blobs import Store
from filsluss.models import AuditEntry, Transfer
from filsluss.rules.directions import Direction
from filsluss.rules.lifecycle import State
from filsluss.rules.policy import Policy
from filsluss.rules.tokens import Purpose

MINUTES = 10


@contextlib.contextmanager
def open_account(*, store: Store, policy: Policy, now: datetime) -> Iterator[str]:
    """The token of an open account that names nobody, so that no letter is ever written of it.

    At the end its row and its bytes are gone. If that end never comes, it is over after ten minutes.
    """
    transfer = Transfer(
        state=State.OPEN,
        direction=Direction.OUTBOUND,
        language=policy.language,
        purpose="filsluss check --deploy",
        applied_at=now,
        lapse_by=now,
        decided_at=now,
        open_until=now + timedelta(minutes=MINUTES),
    )
    transfer.cut_links(policy.link_keys[0])
    transfer.save(force_insert=True)
    try:
        yield transfer.token_for(Purpose.UPLOAD, policy.link_keys)
    finally:
        _leave_nothing(transfer, store)


def _leave_nothing(transfer: Transfer, store: Store) -> None:
    for file in transfer.files.all():
        store.erase(file.blob)
    AuditEntry.objects.filter(transfer_id_public=transfer.public_id).delete()
    transfer.delete()

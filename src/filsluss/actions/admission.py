"""Whether files that come together may come: account and disk are looked at once for all of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from filsluss.actions import room
from filsluss.actions.room import Account, UploadRefused
from filsluss.installation import Services
from filsluss.models import Transfer
from filsluss.models.upload_queries import UploadAccount


class Asking(NamedTuple):
    """A file of `size` bytes, of which the disk must still take `needed`."""

    transfer: Transfer | UploadAccount
    size: int
    needed: int
    services: Services
    now: datetime


class Admission:
    """For one transaction: files that it has admitted count for their accounts' later ones.

    `is_tight`: so little of the disk is left that each must see what those before it were promised, in rows.
    """

    def __init__(self) -> None:
        self._seen: dict[int, tuple[Transfer | UploadAccount, Account]] = {}
        self._left: int | None = None
        self.is_tight = False

    def admit(self, asking: Asking) -> None:
        """Raises UploadRefused for an account that is over or full, or a full disk."""
        transfer, size, needed, services, now = asking
        account = self._account(transfer, services=services, now=now)
        room.refuse_beyond(account, size=size, services=services)
        self._refuse_full(asking)
        self._seen[transfer.pk] = transfer, account.with_one(size, is_whole=needed == 0)

    def _account(self, transfer: Transfer | UploadAccount, *, services: Services, now: datetime) -> Account:
        """Locks the transfer's row, the first time."""
        if transfer.pk not in self._seen:
            room.lock_open(transfer, now=now)
            return room.account_of(transfer.pk, services=services, now=now)
        first, account = self._seen[transfer.pk]
        transfer.state, transfer.open_until = first.state, first.open_until
        transfer.closed_reason = first.closed_reason
        transfer.one_letter, transfer.receipts = first.one_letter, first.receipts
        room.refuse_closed(transfer, now=now)
        return account

    def _refuse_full(self, asking: Asking) -> None:
        _, size, needed, services, now = asking
        if self._left is None:
            self._left = room.left_on_disk(services=services, now=now)
        if self._left < needed:
            raise UploadRefused("disk_full")
        if room.is_tight(self._left - needed, size=size):
            self.is_tight = True
            room.refuse_full_in_turn(needed, services=services, now=now)


def refusals_of(files: Sequence[Asking], *, admission: Admission) -> list[UploadRefused | None]:
    """For each, in their order, why it may not come; None if it may."""
    refusals: list[UploadRefused | None] = []
    for asking in files:
        try:
            admission.admit(asking)
            refusals.append(None)
        except UploadRefused as refused:
            refusals.append(refused)
    return refusals

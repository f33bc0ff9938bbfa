"""Reminders: a letter before an application lapses, and before files end that nobody has fetched."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from filsluss.actions.transitions import distinct_roles
from filsluss.letters import compose
from filsluss.models import LetterCase, Transfer, TransferFile
from filsluss.models.link import LinkLost
from filsluss.rules.directions import Role
from filsluss.rules.lifecycle import State
from filsluss.rules.policy import Policy

log = logging.getLogger(__name__)

REMIND_BEFORE = timedelta(days=2)
"""How long before a time runs out whoever could still use it is reminded."""
NOT_BEFORE = timedelta(days=1)
"""Nobody is reminded of what reached them within a day."""


def remind_approvers(*, policy: Policy, now: datetime) -> int:
    """Applications that will soon lapse unanswered; returns how many approvers were reminded."""
    waiting = Transfer.objects.filter(
        state=State.PENDING,
        lapse_by__gt=now,
        lapse_by__lte=now + REMIND_BEFORE,
        asked_at__lte=now - NOT_BEFORE,
    )
    waiting = waiting.filter(~_told("approval-reminder")).order_by("lapse_by", "id")
    return sum(_approver_reminded(transfer, policy, now) for transfer in waiting)


def _told(kind: str) -> Exists:
    """Whether a letter of that kind has been written about the transfer."""
    return Exists(LetterCase.objects.filter(transfer=OuterRef("pk"), letter__kind=kind))


def _approver_reminded(transfer: Transfer, policy: Policy, now: datetime) -> bool:
    with transaction.atomic():
        locked = (
            Transfer.objects.select_for_update(no_key=True)
            .filter(pk=transfer.pk, state=State.PENDING)
            .first()
        )
        if locked is None:
            return False
        return _remind("approval-reminder", locked, (Role.APPROVER,), [], policy, now)


def remind_of_files(*, policy: Policy, now: datetime) -> int:
    """Accounts that will soon end with files nobody has fetched; returns how many accounts."""
    unfetched = TransferFile.objects.unfetched().filter(
        transfer=OuterRef("pk"), ready_at__lte=now - NOT_BEFORE
    )
    waiting = Transfer.objects.filter(
        ~_told("expiry-reminder"),
        Exists(unfetched),
        state=State.OPEN,
        open_until__gt=now,
        open_until__lte=now + REMIND_BEFORE,
    ).order_by("open_until", "id")
    return sum(_reminded_of_files(transfer, policy, now) for transfer in waiting)


def _reminded_of_files(transfer: Transfer, policy: Policy, now: datetime) -> bool:
    """The rows are held, so that a fetch that comes in between finds the letter and withdraws it."""
    with transaction.atomic():
        locked = (
            Transfer.objects.select_for_update(no_key=True).filter(pk=transfer.pk, state=State.OPEN).first()
        )
        if locked is None:
            return False
        unfetched = list(locked.files.unfetched().select_for_update(no_key=True))
        told = distinct_roles(locked, among=(Role.RECIPIENT, Role.SENDER))
        return bool(unfetched) and _remind("expiry-reminder", locked, told, unfetched, policy, now)


def _remind(
    kind: str,
    transfer: Transfer,
    told: Sequence[Role],
    files: Sequence[TransferFile],
    policy: Policy,
    now: datetime,
) -> bool:
    """False where the key of its link is lost: nobody can be led there, and others must not wait."""
    try:
        for role in told:
            compose.write(kind, transfer=transfer, role=role, policy=policy, now=now, files=files)
    except LinkLost:
        log.error("%s of %s cannot be written: the key of its link is lost", kind, transfer.public_id)
        return False
    return True

"""Expiry: what ends because time has passed: applications, accounts, stale uploads, old rows."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from filsluss.actions.transitions import StepRefused, advance
from filsluss.actions.upload import take_away
from filsluss.blobs import Store
from filsluss.models import Attempt, AuditEntry, Letter, Transfer, TransferFile
from filsluss.models.letter import Delivery
from filsluss.rules.lifecycle import ENDED, LAPSED, OVER, ErasedBecause, FileState, Step
from filsluss.rules.policy import Policy


def lapse_undecided(*, policy: Policy, now: datetime) -> int:
    """Applications that nobody answered in time; returns how many lapsed."""
    return sum(_moved(transfer, LAPSED, policy, now) for transfer in Transfer.objects.undecided_at(now))


def end_accounts(*, policy: Policy, now: datetime) -> int:
    """Accounts whose time is out: their files are marked, to be erased; returns how many ended."""
    return sum(
        _moved(transfer, ENDED, policy, now, ended_at=now) for transfer in Transfer.objects.over_at(now)
    )


def _moved(transfer: Transfer, step: Step, policy: Policy, now: datetime, **changes: Any) -> bool:
    try:
        advance(transfer, step, by="", role="rule", policy=policy, now=now, **changes)
    except StepRefused:
        return False
    return True


def expire_stale(*, store: Store, policy: Policy, now: datetime) -> int:
    """Uploads that nothing has moved for two days, unless somebody is writing right now."""
    idle = TransferFile.objects.filter(
        state=FileState.UPLOADING, active_at__lte=now - policy.upload_idle
    ).select_related("transfer")
    return sum(
        take_away(file, because=ErasedBecause.STALE, now=now)
        for file in idle
        if not store.is_being_written(file.blob)
    )


def forget(*, policy: Policy, now: datetime) -> int:
    """Rows, letters and names go after their time; audit entries lose their names, and go later.

    A letter that has not left is waited for: it leaves, or is given up, within days.
    """
    long_ago = now - timedelta(days=policy.forget_days)
    old = Transfer.objects.filter(state__in=OVER, over_at__lte=long_ago)
    forgotten = _forget_rows(old.exclude(letters__in=Letter.objects.queued()))
    AuditEntry.objects.filter(at__lte=now - timedelta(days=policy.audit_days)).delete()
    Attempt.objects.filter(at__lte=now - timedelta(days=1)).delete()
    homeless = Letter.objects.filter(transfer__isnull=True, written_at__lte=long_ago)
    homeless.exclude(delivery=Delivery.QUEUED).delete()
    return forgotten


def _forget_rows(transfers: QuerySet[Transfer]) -> int:
    forgotten = 0
    for transfer in transfers:
        with transaction.atomic():
            AuditEntry.objects.filter(transfer_id_public=transfer.public_id).update(actor="", about="")
            transfer.delete()
        forgotten += 1
    return forgotten

"""Expiry: what ends because time has passed: applications, accounts, stale uploads, old rows."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from filsluss.actions.erasure import take_away
from filsluss.actions.transitions import moved
from filsluss.blobs import Store
from filsluss.models import Attempt, AuditEntry, Letter, LetterCase, Transfer, TransferFile
from filsluss.models.audit import FORGOTTEN
from filsluss.models.letter import Delivery
from filsluss.rules.lifecycle import ENDED, LAPSED, OVER, ErasedBecause, FileState
from filsluss.rules.policy import Policy


def lapse_undecided(*, policy: Policy, now: datetime) -> int:
    """Applications that nobody answered in time; returns how many lapsed."""
    return sum(
        moved(transfer, LAPSED, policy=policy, now=now) for transfer in Transfer.objects.undecided_at(now)
    )


def end_accounts(*, policy: Policy, now: datetime) -> int:
    """Accounts whose time is out: their files are marked, to be erased; returns how many ended."""
    return sum(
        moved(transfer, ENDED, policy=policy, now=now, ended_at=now)
        for transfer in Transfer.objects.over_at(now)
    )


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
    unsent = LetterCase.objects.filter(
        transfer=OuterRef("pk"), letter__delivery__in=(Delivery.QUEUED, Delivery.COLLECTING)
    )
    old = Transfer.objects.filter(~Exists(unsent), state__in=OVER, over_at__lte=long_ago)
    forgotten = _forget_rows(old)
    AuditEntry.objects.filter(at__lte=now - timedelta(days=policy.audit_days)).delete()
    Attempt.objects.filter(at__lte=now - timedelta(days=1)).delete()
    of_no_case = Letter.objects.of_no_case().filter(written_at__lte=long_ago)
    of_no_case.exclude(delivery__in=(Delivery.QUEUED, Delivery.COLLECTING)).delete()
    return forgotten


def _forget_rows(transfers: QuerySet[Transfer]) -> int:
    """Of letters that are about other cases too, only this case is taken away."""
    forgotten = 0
    for transfer in transfers:
        with transaction.atomic():
            AuditEntry.objects.filter(transfer_public_id=transfer.public_id).update(**FORGOTTEN)
            told = list(transfer.letter_cases.values_list("letter_id", flat=True))
            transfer.delete()
            Letter.objects.filter(pk__in=told).of_no_case().delete()
        forgotten += 1
    return forgotten

"""Expiry: ends what has reached its time: applications, accounts, stale uploads, old rows."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from filsluss.actions.erasure import take_away
from filsluss.actions.retention import retain
from filsluss.actions.transitions import move_all, moved
from filsluss.installation import Services
from filsluss.letters.each_row import each_batch, each_row
from filsluss.models import (
    Attempt,
    AuditEntry,
    Letter,
    LetterCase,
    Link,
    Party,
    Pickup,
    Transfer,
    TransferFile,
)
from filsluss.models.audit import FORGOTTEN, IS_FORGOTTEN
from filsluss.models.batches import batches, delete_at_once, rows_of, shared_out
from filsluss.models.letter import BLANK, SKEW, Delivery
from filsluss.rules.lifecycle import ENDED, LAPSED, OVER, ErasedBecause, FileState

FORGOTTEN_AT_ONCE = 500


def lapse_undecided(*, services: Services, now: datetime) -> int:
    """Lapses applications that were not decided in time; returns how many."""
    return each_row(
        "lapse applications",
        rows_of(shared_out(Transfer.objects.undecided_at(now))),
        lambda transfer: moved(transfer, LAPSED, services=services, now=now),
        policy=services.policy,
        now=now,
    )


def end_accounts(*, services: Services, now: datetime) -> int:
    """Ends accounts whose time is over, so that their files are erased; returns how many."""
    return each_batch(
        "end accounts",
        shared_out(Transfer.objects.over_at(now)),
        lambda accounts: move_all(accounts, step=ENDED, services=services, now=now, ended_at=now),
        policy=services.policy,
        now=now,
    )


def expire_stale(*, services: Services, now: datetime) -> int:
    """Takes away uploads without a request for `policy.upload_idle`; returns how many."""
    idle = TransferFile.objects.filter(
        state=FileState.UPLOADING, active_at__lte=now - services.policy.upload_idle
    ).select_related("transfer")

    def expire(file: TransferFile) -> bool:
        is_written = services.locker.is_held(file.blob)
        return not is_written and take_away(file, because=ErasedBecause.STALE, now=now)

    return each_row("expire uploads", idle, expire, policy=services.policy, now=now)


def forget(*, services: Services, now: datetime) -> int:
    """Deletes old transfers with their letters, blanks their names in the audit trail; returns how many.

    A transfer with an unsent letter is kept: within days the letter is sent or given up. Also deletes
    audit entries, attempts, security events and letters of no case when they are old enough, and cuts
    networks.
    """
    limit = now - timedelta(days=services.policy.forget_days)
    old = Transfer.objects.filter(state__in=OVER, over_at__lte=limit)
    forgotten = each_batch(
        "forget", shared_out(old, size=FORGOTTEN_AT_ONCE), _forget, policy=services.policy, now=now
    )
    AuditEntry.objects.filter(at__lte=now - timedelta(days=services.policy.audit_days)).delete()
    # Those to come are of a clock that was set back; they would count until then.
    Attempt.objects.filter(Q(at__lte=now - timedelta(days=1)) | Q(at__gt=now + SKEW)).delete()
    retain(services=services, now=now)
    return forgotten


def _forget(transfers: Sequence[Transfer]) -> int:
    """A letter that is about other cases, too, is kept for them, but its text is not."""
    with transaction.atomic():
        transfers = _without_unsent(transfers)
        ids = [transfer.public_id for transfer in transfers]
        entries = AuditEntry.objects.filter(transfer_public_id__in=ids)
        entries.exclude(IS_FORGOTTEN).update(**FORGOTTEN)  # half of them name nobody
        letters = list(
            LetterCase.objects.filter(transfer__in=transfers).values_list("letter_id", flat=True).distinct()
        )
        delete_at_once(Pickup.objects.filter(file__transfer__in=transfers))
        for model in (LetterCase, Link, TransferFile, Party):
            delete_at_once(model.objects.filter(transfer__in=transfers))
        delete_at_once(Transfer.objects.filter(pk__in=[transfer.pk for transfer in transfers]))
        for batch in batches(letters):
            _forget_letters(batch)
    return len(transfers)


def _without_unsent(transfers: Sequence[Transfer]) -> list[Transfer]:
    """Those about which no letter waits: asked of a batch, or thousands of letters meet every transfer."""
    waiting = LetterCase.objects.filter(
        transfer__in=transfers, letter__delivery__in=(Delivery.QUEUED, Delivery.COLLECTING)
    )
    kept = set(waiting.values_list("transfer_id", flat=True))
    return [transfer for transfer in transfers if transfer.pk not in kept]


def _forget_letters(keys: Sequence[int]) -> None:
    """Deletes those that are about no case any more, and the texts of the others."""
    about_none = Letter.objects.filter(pk__in=keys).of_no_case()
    gone = list(about_none.values_list("pk", flat=True))
    Letter.objects.filter(again_of__in=gone).update(again_of=None)
    delete_at_once(Letter.objects.filter(pk__in=gone))
    Letter.objects.filter(pk__in={*keys}.difference(gone)).update(**BLANK)

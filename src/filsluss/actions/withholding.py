"""Withholding: what an administrator removed is shut at once, and can be given back for some hours."""

from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from filsluss.actions import room
from filsluss.actions.erasure import erase_withheld
from filsluss.actions.transitions import Cause, StepRefused, record_audit, withdraw_needless_reminder
from filsluss.actions.upload import STILL_OPEN
from filsluss.installation import Services
from filsluss.letters import telling_anew
from filsluss.letters.each_row import each_row
from filsluss.models import TransferFile
from filsluss.rules.lifecycle import WHOLE_FILE, ErasedBecause, FileState

AS_BEFORE = {
    "withheld_until": None,
    "erased_because": "",
    "removed_by": "",
    "removal_reason": "",
    "removal_code": "",
}
"""The columns of a removal, in a file that was given back."""


def withhold(file: TransferFile, *, cause: Cause, services: Services, now: datetime) -> bool:
    """Ends all access to a whole file of an open account at once; its bytes stay. False if it is none.

    Nobody is told: the letters that say so leave when the bytes are gone.
    """
    changes = {
        "state": FileState.WITHHELD,
        "withheld_until": now + services.policy.undo_lasts,
        "erased_because": ErasedBecause.REMOVED,
        "removed_by": cause.role,
        "removal_reason": cause.reason,
        "removal_code": cause.reason_code,
    }
    if not file.transfer.is_open_at(now):
        return False
    with transaction.atomic():
        if not TransferFile.objects.filter(pk=file.pk, state__in=WHOLE_FILE).update(**changes):
            return False
        file.refresh_from_db()
        noted = replace(cause, reason_code=ErasedBecause.REMOVED.value)
        record_audit(file.transfer, step="file-withheld", cause=noted, now=now, file=file)
        telling_anew.hold(file, now=now)
        withdraw_needless_reminder(file.transfer, now=now)
    return True


def give_back(file: TransferFile, *, cause: Cause, services: Services, now: datetime) -> None:
    """Makes a withheld file what it was, and has written again what was not yet told of it.

    Raises StepRefused once its time, or that of its account, is over.
    """
    with transaction.atomic():
        withheld = TransferFile.objects.filter(pk=file.pk, state=FileState.WITHHELD, withheld_until__gt=now)
        changes = {"state": state_before(file), "active_at": now, **AS_BEFORE}
        if not withheld.update(**changes) or not STILL_OPEN.rows(transfer=file.transfer_id, now=now):
            raise StepRefused("file-restored")
        file.refresh_from_db()
        record_audit(file.transfer, step="file-restored", cause=cause, now=now, file=file)
        if file.state == FileState.READY:
            telling_anew.tell_again(file, policy=services.policy, now=now)


def state_before(file: TransferFile) -> FileState:
    """What a withheld file was: one that was being scanned is scanned anew."""
    if file.ready_at:
        return FileState.READY
    held = file.scan_trouble and not file.released_at
    return FileState.UNSCANNED if held else FileState.RECEIVED


def end_withheld(*, services: Services, now: datetime) -> int:
    """Marks withheld files for erasure whose time is over, or all where space is short; returns how many."""
    withheld = TransferFile.objects.filter(state=FileState.WITHHELD)
    return each_row(
        "erase withheld files",
        due(withheld, services=services, now=now).select_related("transfer"),
        lambda file: erase_withheld([file], now=now),
        policy=services.policy,
        now=now,
    )


def due(withheld: QuerySet[TransferFile], *, services: Services, now: datetime) -> QuerySet[TransferFile]:
    """Those of the withheld files that wait no longer."""
    if withheld.exists() and room.is_short(services=services, now=now):
        return withheld
    return withheld.filter(withheld_until__lte=now)

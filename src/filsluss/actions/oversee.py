"""Oversee: what administrators may do with transfers, each with a reason."""

from datetime import datetime

from django.db import transaction

from filsluss.actions.erasure import take_away
from filsluss.actions.transitions import Cause, StepRefused, advance, record_audit
from filsluss.installation import Services
from filsluss.models import Transfer, TransferFile
from filsluss.rules.lifecycle import CLOSED, WITHDRAWN, ErasedBecause, FileState
from filsluss.rules.permissions import StaffRole

REASON_MAX = 500


class ReasonMissing(ValueError):
    """The administrator gave no reason, or one that is too long."""


def remove_file(file: TransferFile, *, reason: str, person: str, now: datetime) -> None:
    """Ends all access to a file and has its bytes erased; raises StepRefused if that was done before."""
    cause = cause_of(reason, person=person)
    if not take_away(file, because=ErasedBecause.REMOVED, cause=cause, now=now):
        raise StepRefused("removed")


def close_transfer(
    transfer: Transfer, *, reason: str, person: str, services: Services, now: datetime
) -> None:
    """Ends an open account before its time; raises StepRefused if it is not open."""
    cause = cause_of(reason, person=person)
    advance(
        transfer, CLOSED, cause=cause, services=services, now=now, ended_at=now, closed_reason=cause.reason
    )


def release_file(file: TransferFile, *, reason: str, person: str, now: datetime) -> None:
    """Makes a file ready that could not be scanned; raises StepRefused if it is not UNSCANNED."""
    cause = cause_of(reason, person=person)
    with transaction.atomic():
        unscanned = TransferFile.objects.filter(pk=file.pk, state=FileState.UNSCANNED)
        if unscanned.update(state=FileState.RECEIVED, released_at=now, scan_again_at=None) != 1:
            raise StepRefused("released")
        record_audit(file.transfer, step="released", cause=cause, now=now, file=file)


def withdraw(transfer: Transfer, *, reason: str, person: str, services: Services, now: datetime) -> None:
    """Ends an undecided application; raises StepRefused if it is decided."""
    cause = cause_of(reason, person=person)
    advance(
        transfer,
        WITHDRAWN,
        cause=cause,
        services=services,
        now=now,
        decided_at=now,
        rejection_reason=cause.reason,
        closed_reason=cause.reason,
    )


def cause_of(reason: str, *, person: str) -> Cause:
    """The cause of an administrator's act; raises ReasonMissing."""
    if not 1 <= len(reason.strip()) <= REASON_MAX:
        raise ReasonMissing
    return Cause(StaffRole.ADMINISTRATOR, person, reason.strip())

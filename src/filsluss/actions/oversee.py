"""Oversee: what administrators may do with transfers, each with a reason."""

from dataclasses import replace
from datetime import datetime

from django.db import transaction

from filsluss.actions.erasure import take_away
from filsluss.actions.transitions import Cause, StepRefused, advance, record_audit
from filsluss.installation import Services
from filsluss.models import Transfer, TransferFile
from filsluss.rules.lifecycle import CLOSED, WITHDRAWN, ErasedBecause, FileState
from filsluss.rules.permissions import StaffRole
from filsluss.rules.personal_number import CONFIRMED, has_personal_number

REASON_MAX = 500


class ReasonRefused(ValueError):
    """The reason cannot be taken: `code` is "reason_missing" (or too long) or "personal_number"."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def remove_file(
    file: TransferFile,
    *,
    reason: str,
    person: str,
    numbers_confirmed: bool = False,
    now: datetime,
) -> None:
    """Ends all access to a file and has its bytes erased; raises StepRefused if that was done before."""
    cause = cause_of(reason, person=person, numbers_confirmed=numbers_confirmed, now=now)
    if not take_away(file, because=ErasedBecause.REMOVED, cause=cause, now=now):
        raise StepRefused("removed")


def close_transfer(
    transfer: Transfer,
    *,
    reason: str,
    person: str,
    numbers_confirmed: bool = False,
    services: Services,
    now: datetime,
) -> None:
    """Ends an open account before its time; raises StepRefused if it is not open."""
    cause = cause_of(reason, person=person, numbers_confirmed=numbers_confirmed, now=now)
    advance(
        transfer, CLOSED, cause=cause, services=services, now=now, ended_at=now, closed_reason=cause.reason
    )


def release_file(
    file: TransferFile,
    *,
    reason: str,
    person: str,
    numbers_confirmed: bool = False,
    role: StaffRole = StaffRole.ADMINISTRATOR,
    now: datetime,
) -> None:
    """Makes a file ready that could not be scanned; raises StepRefused if it is not UNSCANNED."""
    cause = cause_of(reason, person=person, numbers_confirmed=numbers_confirmed, now=now)
    cause = replace(cause, role=role)
    with transaction.atomic():
        unscanned = TransferFile.objects.filter(pk=file.pk, state=FileState.UNSCANNED)
        if unscanned.update(state=FileState.RECEIVED, released_at=now, scan_again_at=None) != 1:
            raise StepRefused("released")
        record_audit(file.transfer, step="released", cause=cause, now=now, file=file)


def withdraw(
    transfer: Transfer,
    *,
    reason: str,
    person: str,
    numbers_confirmed: bool = False,
    services: Services,
    now: datetime,
) -> None:
    """Ends an undecided application; raises StepRefused if it is decided."""
    cause = cause_of(reason, person=person, numbers_confirmed=numbers_confirmed, now=now)
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


def cause_of(reason: str, *, person: str, numbers_confirmed: bool, now: datetime) -> Cause:
    """The cause of an administrator's act; raises ReasonRefused."""
    text = reason.strip()
    if not 1 <= len(text) <= REASON_MAX:
        raise ReasonRefused("reason_missing")
    has_number = has_personal_number(text, today=now.date())
    if has_number and not numbers_confirmed:
        raise ReasonRefused("personal_number")
    return Cause(StaffRole.ADMINISTRATOR, person, text, detail=CONFIRMED if has_number else None)

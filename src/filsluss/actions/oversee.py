"""Oversee: what administrators may do with transfers, each with a reason."""

from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from filsluss.actions.erasure import take_away
from filsluss.actions.transitions import Cause, StepRefused, advance, record_audit
from filsluss.installation import Services
from filsluss.models import Transfer, TransferFile
from filsluss.rules.lifecycle import CLOSED, WITHDRAWN, ErasedBecause, FileState
from filsluss.rules.permissions import StaffRole
from filsluss.rules.personal_number import CONFIRMED, has_personal_number
from filsluss.rules.refusals import FormRefused

REASON_MAX = 500


@dataclass(frozen=True)
class Reason:
    """Why an administrator acts, as typed; `person` identifies them (see `AuditEntry`).

    `numbers_confirmed`: what looks like a personal identity number in it is said to be none.
    """

    text: str
    person: str
    numbers_confirmed: bool = False


def remove_file(file: TransferFile, *, reason: Reason, now: datetime) -> None:
    """Ends all access to a file and has its bytes erased; raises StepRefused if that was done before."""
    cause = cause_of(reason, now=now)
    if not take_away(file, because=ErasedBecause.REMOVED, cause=cause, now=now):
        raise StepRefused("removed")


def close_transfer(transfer: Transfer, *, reason: Reason, services: Services, now: datetime) -> None:
    """Ends an open account before its time; raises StepRefused if it is not open."""
    cause = cause_of(reason, now=now)
    advance(
        transfer, CLOSED, cause=cause, services=services, now=now, ended_at=now, closed_reason=cause.reason
    )


def release_file(
    file: TransferFile, *, reason: Reason, role: StaffRole = StaffRole.ADMINISTRATOR, now: datetime
) -> None:
    """Makes a file ready that could not be scanned; raises StepRefused if it is not UNSCANNED."""
    cause = replace(cause_of(reason, now=now), role=role)
    with transaction.atomic():
        unscanned = TransferFile.objects.filter(pk=file.pk, state=FileState.UNSCANNED)
        if unscanned.update(state=FileState.RECEIVED, released_at=now, scan_again_at=None) != 1:
            raise StepRefused("released")
        record_audit(file.transfer, step="released", cause=cause, now=now, file=file)


def withdraw(transfer: Transfer, *, reason: Reason, services: Services, now: datetime) -> None:
    """Ends an undecided application; raises StepRefused if it is decided."""
    cause = cause_of(reason, now=now)
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


def cause_of(reason: Reason, *, now: datetime) -> Cause:
    """The cause of an administrator's act; raises FormRefused."""
    text = reason.text.strip()
    if not 1 <= len(text) <= REASON_MAX:
        raise FormRefused({"reason": "reason_missing"})
    has_number = has_personal_number(text, today=now.date())
    if has_number and not reason.numbers_confirmed:
        raise FormRefused({"reason": "personal_number"})
    return Cause(StaffRole.ADMINISTRATOR, reason.person, text, detail=CONFIRMED if has_number else None)

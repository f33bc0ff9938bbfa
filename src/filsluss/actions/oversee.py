"""Oversee: what administrators may do with transfers, each with a reason."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from filsluss.actions import room, withholding
from filsluss.actions.erasure import erase_withheld, take_away
from filsluss.actions.persons import holder_may
from filsluss.actions.transitions import Cause, StepRefused, advance, record_audit
from filsluss.installation import Services
from filsluss.models import AuditEntry, Transfer, TransferFile
from filsluss.rules.lifecycle import (
    CLOSED,
    NEVER_UNDONE,
    WHOLE_FILE,
    WITHDRAWN,
    ErasedBecause,
    FileState,
    RemovalCode,
)
from filsluss.rules.permissions import Act, StaffRole
from filsluss.rules.personal_number import CONFIRMED, has_personal_number
from filsluss.rules.refusals import FormRefused

REASON_MAX = 500
RELEASE_WAITS = timedelta(hours=24)
"""For so long the first of two persons who release a file waits for the second."""


@dataclass(frozen=True)
class Reason:
    """Why an administrator acts, as typed; `person` identifies them (see `AuditEntry`).

    `numbers_confirmed`: what looks like a personal identity number in it is said to be none.
    """

    text: str
    person: str
    numbers_confirmed: bool = False


@dataclass(frozen=True)
class Removal:
    """Why a file is removed, and whether its bytes may wait as long as the policy says.

    `code` is one of RemovalCode, as it was chosen.
    """

    reason: Reason
    code: str = RemovalCode.OTHER.value
    at_once: bool = False

    def cause(self, *, now: datetime) -> Cause:
        """Raises FormRefused; a reason need not be typed where the code says enough."""
        if self.code not in {*RemovalCode}:
            raise FormRefused({"why": "removal_code_missing"})
        if not self.reason.text.strip() and self.code != RemovalCode.OTHER:
            cause = Cause(StaffRole.ADMINISTRATOR, self.reason.person)
        else:
            cause = cause_of(self.reason, now=now)
        chosen = {} if self.code == RemovalCode.OTHER else {"removal": self.code}
        return replace(cause, reason_code=self.code, detail={**(cause.detail or {}), **chosen} or None)


def remove_file(file: TransferFile, *, reason: Reason, now: datetime) -> None:
    """Ends all access to a file and has its bytes erased; raises StepRefused if that was done before."""
    if not take_away(file, because=ErasedBecause.REMOVED, cause=Removal(reason).cause(now=now), now=now):
        raise StepRefused("removed")


def remove_or_withhold(file: TransferFile, *, removal: Removal, services: Services, now: datetime) -> bool:
    """Ends all access to a file at once. True: its bytes wait, and it can be given back; else they go.

    Raises FormRefused, or StepRefused if it was removed before. One that is withheld can still be erased.
    """
    cause = removal.cause(now=now)
    must_go = removal.at_once or removal.code in NEVER_UNDONE
    if not must_go and may_wait(file, services=services, now=now):
        if withholding.withhold(file, cause=cause, services=services, now=now):
            return True
    elif must_go and erase_withheld([file], cause=cause, now=now):
        return False
    if not take_away(file, because=ErasedBecause.REMOVED, cause=cause, now=now):
        raise StepRefused("removed")
    return False


def may_wait(file: TransferFile, *, services: Services, now: datetime) -> bool:
    """Whether the bytes of a file that is removed may wait for somebody to think again."""
    is_whole = file.state in WHOLE_FILE and file.transfer.is_open_at(now)
    may = is_whole and bool(services.policy.undo_lasts)
    return may and not room.is_short(services=services, now=now)


def give_back(file: TransferFile, *, person: str, services: Services, now: datetime) -> None:
    """Undoes a removal; raises StepRefused once the bytes are, or should be, on their way out."""
    cause = Cause(StaffRole.ADMINISTRATOR, person)
    withholding.give_back(file, cause=cause, services=services, now=now)


def close_transfer(transfer: Transfer, *, reason: Reason, services: Services, now: datetime) -> None:
    """Ends an open account before its time; raises StepRefused if it is not open."""
    cause = cause_of(reason, now=now)
    advance(
        transfer, CLOSED, cause=cause, services=services, now=now, ended_at=now, closed_reason=cause.reason
    )


def release_file(
    file: TransferFile,
    *,
    reason: Reason,
    role: StaffRole = StaffRole.ADMINISTRATOR,
    by_two: bool = False,
    may_be_second: bool = True,
    now: datetime,
) -> bool:
    """Makes a file ready that could not be scanned; raises StepRefused if it is not UNSCANNED.

    `by_two`: the first person leaves a mark only, which is False; another does it within RELEASE_WAITS.
    Raises FormRefused if the same person comes again, or one who cannot be the second.
    """
    cause = replace(cause_of(reason, now=now), role=role)
    with transaction.atomic():
        unscanned = TransferFile.objects.filter(pk=file.pk, state=FileState.UNSCANNED)
        if not unscanned.select_for_update(no_key=True).exists():
            raise StepRefused("released")
        first = release_asked(file, now=now) if by_two else None
        if by_two and first is None:
            record_audit(file.transfer, step="release-asked", cause=cause, now=now, file=file)
            return False
        if first and first.person == cause.person:
            raise FormRefused({"reason": "release_same_person"})
        if by_two and not may_be_second:
            raise FormRefused({"reason": "release_not_second"})
        if unscanned.update(state=FileState.RECEIVED, released_at=now, scan_again_at=None) != 1:
            raise StepRefused("released")
        record_audit(file.transfer, step="released", cause=cause, now=now, file=file)
    return True


def release_asked(file: TransferFile, *, now: datetime) -> AuditEntry | None:
    """The mark of the first of two persons who release the file; None if there is none that still holds.

    None either, if that person may no longer release a file.
    """
    marks = release_marks(file.transfer, now=now).filter(file_public_id=file.public_id).order_by("-at", "-pk")
    return next((mark for mark in marks if holder_may(mark.person, act=Act.RELEASE_FILE, now=now)), None)


def release_marks(transfer: Transfer, *, now: datetime) -> QuerySet[AuditEntry]:
    """The marks of first persons that still hold, of files that wait, in the order of time."""
    held = transfer.files.filter(state=FileState.UNSCANNED).values("public_id")
    return AuditEntry.objects.filter(
        transfer_public_id=transfer.public_id,
        step="release-asked",
        at__gt=now - RELEASE_WAITS,
        file_public_id__in=held,
    )


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

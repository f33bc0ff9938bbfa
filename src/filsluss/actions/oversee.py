"""Oversee: what an administrator may do, each with a reason that the parties are told."""

from datetime import datetime

from django.db import transaction

from filsluss.actions.advance import StepRefused, advance, note
from filsluss.actions.upload import take_away
from filsluss.models import Transfer, TransferFile
from filsluss.rules.lifecycle import CLOSED, WITHDRAWN, Because, FileState
from filsluss.rules.policy import Policy

ADMINISTRATOR = "administrator"
REASON_MAX = 500


class ReasonMissing(ValueError):
    """The administrator gave no reason, or one that is too long."""


def remove_file(file: TransferFile, *, reason: str, by: str, policy: Policy, now: datetime) -> None:
    """Shuts a file at once and has its bytes erased; StepRefused if it is gone already."""
    why = good_reason(reason)
    if not take_away(file, because=Because.REMOVED, removed_by=ADMINISTRATOR, reason=why, by=by, now=now):
        raise StepRefused("removed")


def close_transfer(transfer: Transfer, *, reason: str, by: str, policy: Policy, now: datetime) -> None:
    """Ends an open account before its time; StepRefused if it is not open."""
    why = good_reason(reason)
    advance(
        transfer, CLOSED, by=by, role=ADMINISTRATOR, policy=policy, now=now, reason=why,
        ended_at=now, closed_reason=why,
    )  # fmt: skip


def release_file(file: TransferFile, *, reason: str, by: str, now: datetime) -> None:
    """Lets a file through that could not be scanned; StepRefused if it is not held for that."""
    why = good_reason(reason)
    with transaction.atomic():
        held = TransferFile.objects.filter(pk=file.pk, state=FileState.UNSCANNED)
        if held.update(state=FileState.RECEIVED, released_at=now, scan_again_at=None) != 1:
            raise StepRefused("released")
        note(file.transfer, step="released", by=by, role=ADMINISTRATOR, now=now, reason=why, file=file)


def withdraw(transfer: Transfer, *, reason: str, by: str, policy: Policy, now: datetime) -> None:
    """Takes an undecided application away from its approver; StepRefused if it is decided."""
    why = good_reason(reason)
    advance(
        transfer, WITHDRAWN, by=by, role=ADMINISTRATOR, policy=policy, now=now, reason=why,
        decided_at=now, rejection_reason=why, closed_reason=why,
    )  # fmt: skip


def good_reason(reason: str) -> str:
    if not 1 <= len(reason.strip()) <= REASON_MAX:
        raise ReasonMissing
    return reason.strip()

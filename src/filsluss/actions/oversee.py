"""Oversee: what an administrator may do, each with a reason that the parties are told."""

from datetime import datetime

from django.db import transaction

from filsluss.actions.download import seconds_until_heard
from filsluss.actions.erasure import take_away
from filsluss.actions.transitions import StepRefused, advance, record_audit
from filsluss.models import Attempt, Transfer, TransferFile, serialize_on
from filsluss.rules.lifecycle import CLOSED, WITHDRAWN, ErasedBecause, FileState
from filsluss.rules.networks import Client, rate_key
from filsluss.rules.policy import Policy

ADMINISTRATOR = "administrator"
REASON_MAX = 500
SIGN_IN = "sign-in"


class TooManySignIns(Exception):
    """This network has guessed passwords too often; `retry_after` in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


def count_sign_in(client: Client, *, now: datetime) -> None:
    """Counts a try before its password is looked at, so that a crowd of them counts too.

    Raises TooManySignIns.
    """
    network = rate_key(client.address)
    with transaction.atomic():
        serialize_on(SIGN_IN, now=now)
        pause = seconds_until_heard(network, now=now, kind=SIGN_IN)
        if not pause:
            Attempt.objects.create(kind=SIGN_IN, network=network, at=now)
    if pause:
        raise TooManySignIns(pause)


def forget_failed_sign_ins(client: Client) -> None:
    """The password was right: what this network tried before is forgotten."""
    Attempt.objects.filter(kind=SIGN_IN, network=rate_key(client.address)).delete()


class ReasonMissing(ValueError):
    """The administrator gave no reason, or one that is too long."""


def remove_file(file: TransferFile, *, reason: str, person: str, policy: Policy, now: datetime) -> None:
    """Shuts a file at once and has its bytes erased; StepRefused if it is gone already."""
    why = checked_reason(reason)
    if not take_away(
        file, because=ErasedBecause.REMOVED, removed_by=ADMINISTRATOR, reason=why, person=person, now=now
    ):
        raise StepRefused("removed")


def close_transfer(transfer: Transfer, *, reason: str, person: str, policy: Policy, now: datetime) -> None:
    """Ends an open account before its time; StepRefused if it is not open."""
    why = checked_reason(reason)
    advance(
        transfer, CLOSED, person=person, role=ADMINISTRATOR, policy=policy, now=now, reason=why,
        ended_at=now, closed_reason=why,
    )  # fmt: skip


def release_file(file: TransferFile, *, reason: str, person: str, now: datetime) -> None:
    """Lets a file through that could not be scanned; StepRefused if it is not held for that."""
    why = checked_reason(reason)
    with transaction.atomic():
        held = TransferFile.objects.filter(pk=file.pk, state=FileState.UNSCANNED)
        if held.update(state=FileState.RECEIVED, released_at=now, scan_again_at=None) != 1:
            raise StepRefused("released")
        record_audit(
            file.transfer, step="released", person=person, role=ADMINISTRATOR, now=now, reason=why, file=file
        )


def withdraw(transfer: Transfer, *, reason: str, person: str, policy: Policy, now: datetime) -> None:
    """Takes an undecided application away from its approver; StepRefused if it is decided."""
    why = checked_reason(reason)
    advance(
        transfer, WITHDRAWN, person=person, role=ADMINISTRATOR, policy=policy, now=now, reason=why,
        decided_at=now, rejection_reason=why, closed_reason=why,
    )  # fmt: skip


def checked_reason(reason: str) -> str:
    if not 1 <= len(reason.strip()) <= REASON_MAX:
        raise ReasonMissing
    return reason.strip()

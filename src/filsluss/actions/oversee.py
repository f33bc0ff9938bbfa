"""Oversee: what administrators may do with transfers, each with a reason, and the limit on their sign-ins."""

from datetime import datetime

from django.db import transaction

from filsluss.actions.download import seconds_to_wait
from filsluss.actions.erasure import take_away
from filsluss.actions.transitions import Cause, StepRefused, advance, record_audit
from filsluss.models import Attempt, Transfer, TransferFile, serialize_on
from filsluss.rules.lifecycle import CLOSED, WITHDRAWN, ErasedBecause, FileState
from filsluss.rules.networks import Client, rate_key
from filsluss.rules.policy import Policy

ADMINISTRATOR = "administrator"
REASON_MAX = 500
SIGN_IN = "sign-in"


class TooManySignIns(Exception):
    """This network has entered too many wrong passwords; `retry_after` in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


def count_sign_in(client: Client, *, now: datetime) -> None:
    """Counts an attempt before its password is verified, so that concurrent attempts count, too.

    Raises TooManySignIns.
    """
    network = rate_key(client.address)
    with transaction.atomic():
        serialize_on(SIGN_IN, now=now)
        delay = seconds_to_wait(network, now=now, kind=SIGN_IN)
        if not delay:
            Attempt.objects.create(kind=SIGN_IN, network=network, at=now)
    if delay:
        raise TooManySignIns(delay)


def forget_failed_sign_ins(client: Client) -> None:
    """Deletes the attempts of this network, after a correct password."""
    Attempt.objects.filter(kind=SIGN_IN, network=rate_key(client.address)).delete()


class ReasonMissing(ValueError):
    """The administrator gave no reason, or one that is too long."""


def remove_file(file: TransferFile, *, reason: str, person: str, policy: Policy, now: datetime) -> None:
    """Ends all access to a file and has its bytes erased; raises StepRefused if that was done before."""
    cause = cause_of(reason, person=person)
    if not take_away(file, because=ErasedBecause.REMOVED, cause=cause, now=now):
        raise StepRefused("removed")


def close_transfer(transfer: Transfer, *, reason: str, person: str, policy: Policy, now: datetime) -> None:
    """Ends an open account before its time; raises StepRefused if it is not open."""
    cause = cause_of(reason, person=person)
    advance(transfer, CLOSED, cause=cause, policy=policy, now=now, ended_at=now, closed_reason=cause.reason)


def release_file(file: TransferFile, *, reason: str, person: str, now: datetime) -> None:
    """Makes a file ready that could not be scanned; raises StepRefused if it is not UNSCANNED."""
    cause = cause_of(reason, person=person)
    with transaction.atomic():
        unscanned = TransferFile.objects.filter(pk=file.pk, state=FileState.UNSCANNED)
        if unscanned.update(state=FileState.RECEIVED, released_at=now, scan_again_at=None) != 1:
            raise StepRefused("released")
        record_audit(file.transfer, step="released", cause=cause, now=now, file=file)


def withdraw(transfer: Transfer, *, reason: str, person: str, policy: Policy, now: datetime) -> None:
    """Ends an undecided application; raises StepRefused if it is decided."""
    cause = cause_of(reason, person=person)
    advance(
        transfer,
        WITHDRAWN,
        cause=cause,
        policy=policy,
        now=now,
        decided_at=now,
        rejection_reason=cause.reason,
        closed_reason=cause.reason,
    )


def cause_of(reason: str, *, person: str) -> Cause:
    """The cause of an administrator's act; raises ReasonMissing."""
    if not 1 <= len(reason.strip()) <= REASON_MAX:
        raise ReasonMissing
    return Cause(ADMINISTRATOR, person, reason.strip())

"""Reminders: a letter before an application lapses, and before files are erased that nobody has fetched."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from filsluss.actions.transitions import distinct_roles
from filsluss.installation import Services
from filsluss.letters import compose, outbox, request_lists
from filsluss.letters.each_row import each_row
from filsluss.letters.mailboxes import has_room
from filsluss.models import Letter, LetterCase, Transfer, TransferFile
from filsluss.rules.blocking import BLOCKED
from filsluss.rules.directions import Role
from filsluss.rules.letter_kinds import LetterKind
from filsluss.rules.lifecycle import State

REMIND_BEFORE = timedelta(days=2)
"""How long before the end of its time an application or an account is reminded of."""
NOT_BEFORE = timedelta(days=1)
"""Nobody is reminded within this time after they were told."""
MOVED = "moved:"
"""What the keys of reminders of an end that was moved begin with."""
TOLD = {
    LetterKind.APPROVAL_REMINDER: (Role.APPROVER,),
    LetterKind.EXPIRY_REMINDER: (Role.RECIPIENT, Role.SENDER),
    LetterKind.NO_FILES_REMINDER: (Role.SENDER,),
}
"""The roles that a reminder is written to."""


def remind_approvers(*, services: Services, now: datetime) -> int:
    """Reminds the approvers of applications that will lapse within REMIND_BEFORE; returns how many.

    A mailbox that has got as many reminders today as it may gets the others as a list.
    """
    waiting = Transfer.objects.filter(
        state=State.PENDING,
        lapse_by__gt=now,
        lapse_by__lte=now + REMIND_BEFORE,
        asked_at__lte=now - NOT_BEFORE,
    ).exclude(reason_code=BLOCKED)
    waiting = waiting.filter(~_has_letter(LetterKind.APPROVAL_REMINDER), ~_listed_again()).order_by(
        "lapse_by", "id"
    )
    return each_row(
        "remind approvers",
        waiting,
        lambda transfer: _approver_reminded(transfer, services=services, now=now),
        policy=services.policy,
        now=now,
    )


def _locked(transfer: Transfer, state: State) -> Transfer | None:
    """Its row, until the caller's transaction ends; None if it is not in that state any more."""
    row = Transfer.objects.filter(pk=transfer.pk, state=state)
    return row.select_for_update(no_key=True).first()


def _ending_soon(kind: LetterKind, *, now: datetime) -> QuerySet[Transfer]:
    """Open ones that end within REMIND_BEFORE, and of which no letter of that kind has been written."""
    soon = {"open_until__gt": now, "open_until__lte": now + REMIND_BEFORE}
    return Transfer.objects.filter(~_has_letter(kind), state=State.OPEN, **soon).order_by("open_until", "id")


def _has_letter(kind: LetterKind) -> Exists:
    """Whether a letter of that kind has been written about the transfer, and not of an end that was moved."""
    written = LetterCase.objects.filter(transfer=OuterRef("pk"), letter__kind=kind)
    return Exists(written.exclude(letter__key__startswith=MOVED))


def end_of_another_day(transfer: Transfer, *, now: datetime) -> None:
    """Its end is being moved: reminders of the old one are withdrawn or past, and there may be new ones."""
    of_end = (LetterKind.EXPIRY_REMINDER, LetterKind.NO_FILES_REMINDER)
    outbox.withdraw_unsent(transfer=transfer, kinds=of_end, now=now)
    written = Letter.objects.filter(kind__in=of_end).exclude(key__startswith=MOVED).about(transfer)
    for letter in written:
        key = f"{MOVED}{transfer.open_until:%Y%m%d}:{letter.key}"
        Letter.objects.filter(pk=letter.pk).update(key=key)


def _listed_again() -> Q:
    """Whether the transfer is on a list after it was asked: by a letter of its own, or on an earlier list."""
    listed = LetterCase.objects.filter(transfer=OuterRef("pk"), letter__kind=LetterKind.APPROVALS_REQUESTED)
    earlier = LetterCase.objects.filter(
        transfer=OuterRef("transfer"), letter__kind=LetterKind.APPROVALS_REQUESTED
    )
    again = listed.filter(Exists(earlier.filter(pk__lt=OuterRef("pk"))))
    return Q(Exists(again)) | Q(Exists(listed), _has_letter(LetterKind.APPROVAL_REQUESTED))


def _approver_reminded(transfer: Transfer, *, services: Services, now: datetime) -> bool:
    with transaction.atomic():
        locked = _locked(transfer, State.PENDING)
        if locked is None:
            return False
        approver = locked.approver
        policy = services.policy
        if approver and not has_room(approver, kind=LetterKind.APPROVAL_REMINDER, policy=policy, now=now):
            request_lists.collect(locked, policy=policy, now=now)
            return True
        return _remind(LetterKind.APPROVAL_REMINDER, locked, [], services=services, now=now)


def remind_of_files(*, services: Services, now: datetime) -> int:
    """Reminds of accounts that will end within REMIND_BEFORE with unfetched files; returns how many."""
    unfetched = TransferFile.objects.unfetched().filter(
        transfer=OuterRef("pk"), ready_at__lte=now - NOT_BEFORE
    )
    return each_row(
        "remind of files",
        _ending_soon(LetterKind.EXPIRY_REMINDER, now=now).filter(Exists(unfetched)),
        lambda transfer: _reminded_of_files(transfer, services=services, now=now),
        policy=services.policy,
        now=now,
    )


def _reminded_of_files(transfer: Transfer, *, services: Services, now: datetime) -> bool:
    """The rows are locked, so that a fetch meanwhile waits, finds the letter, and withdraws it."""
    with transaction.atomic():
        locked = _locked(transfer, State.OPEN)
        if locked is None:
            return False
        unfetched = list(locked.files.unfetched().select_for_update(no_key=True))
        return bool(unfetched) and _remind(
            LetterKind.EXPIRY_REMINDER, locked, unfetched, services=services, now=now
        )


def remind_empty(*, services: Services, now: datetime) -> int:
    """Reminds the senders of accounts that will end within REMIND_BEFORE without a file; returns how many."""
    waiting = _ending_soon(LetterKind.NO_FILES_REMINDER, now=now).filter(
        ~Exists(_whole_files(OuterRef("pk"))), decided_at__lte=now - NOT_BEFORE
    )
    return each_row(
        "remind of empty accounts",
        waiting,
        lambda transfer: _sender_reminded(transfer, services=services, now=now),
        policy=services.policy,
        now=now,
    )


def _whole_files(transfer: Any) -> QuerySet[TransferFile]:
    """Those of the transfer that came whole, whatever became of them."""
    return TransferFile.objects.filter(transfer=transfer).exclude(received_at=None)


def _sender_reminded(transfer: Transfer, *, services: Services, now: datetime) -> bool:
    with transaction.atomic():
        locked = _locked(transfer, State.OPEN)
        if locked is None or _whole_files(locked).exists():
            return False
        return _remind(LetterKind.NO_FILES_REMINDER, locked, [], services=services, now=now)


def _remind(
    kind: LetterKind, transfer: Transfer, files: Sequence[TransferFile], *, services: Services, now: datetime
) -> bool:
    """Writes the letters; raises LinkLost if a link cannot be derived."""
    for role in distinct_roles(transfer, among=TOLD[kind]):
        compose.write(kind, transfer=transfer, role=role, policy=services.policy, now=now, files=files)
    return True

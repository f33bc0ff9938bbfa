"""A dead link helps: a recipient who came too late asks the sender to send the files again."""

from datetime import datetime

from django.db import IntegrityError, transaction

from filsluss.actions.limits import count_for_network
from filsluss.installation import Services
from filsluss.letters import compose
from filsluss.letters.context import About
from filsluss.letters.mailboxes import has_room
from filsluss.models import Letter, LetterCase, Transfer, TransferFile
from filsluss.rules.letter_kinds import LetterKind
from filsluss.rules.lifecycle import ErasedBecause, FileState
from filsluss.rules.networks import Client

KIND = LetterKind.SEND_AGAIN_REQUESTED
ASK_AGAIN = "ask-again"
NEVER_AGAIN = (ErasedBecause.REMOVED, ErasedBecause.INFECTED)


def may_be_asked_for(file: TransferFile, *, now: datetime) -> bool:
    """Whether its recipient may ask for it again: it is gone, but no administrator and no virus took it."""
    is_there = file.transfer.is_open_at(now) and file.state == FileState.READY
    is_banned = file.erased_because in NEVER_AGAIN or file.state == FileState.INFECTED
    return not (is_there or is_banned or file.transfer.closed_reason)


def ask_again(file: TransferFile, *, client: Client, services: Services, now: datetime) -> None:
    """The sender gets one letter a day about the case; whoever asks is told the same whether it is written.

    Raises LimitReached: a network may ask as often as it may apply.
    """
    with transaction.atomic():
        count_for_network(client, services=services, now=now, kind=ASK_AGAIN)
        if may_be_asked_for(file, now=now):
            _write_once_a_day(file.transfer, services=services, now=now)


def _write_once_a_day(transfer: Transfer, *, services: Services, now: datetime) -> None:
    policy, sender = services.policy, transfer.sender
    key = f"{KIND}:{transfer.public_id}:{policy.today(now)}"
    if Letter.objects.filter(key=key).exists() or not has_room(sender, kind=KIND, policy=policy, now=now):
        return
    about = About(transfer, sender)
    letter = compose.addressed(KIND, about, key=key, policy=policy, now=now)
    compose.fill(letter, about, policy=policy, now=now)
    try:
        with transaction.atomic():
            letter.save(force_insert=True)
    except IntegrityError:  # somebody else has asked at this moment
        return
    LetterCase.objects.create(letter=letter, transfer=transfer, party=sender)

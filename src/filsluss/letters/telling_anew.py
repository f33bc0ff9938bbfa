"""Letters about a file that is withheld: none leaves meanwhile, and what was not told is told afterwards."""

import logging
from datetime import datetime

from filsluss.letters import collecting, outbox, truth
from filsluss.models import Letter, LetterCase, TransferFile
from filsluss.models.letter import Delivery
from filsluss.rules.letter_kinds import READY_KINDS, LetterKind
from filsluss.rules.policy import Policy

log = logging.getLogger(__name__)


def hold(file: TransferFile, *, now: datetime) -> None:
    """Withdraws what has not left; a letter about many files is kept, and no longer tells of this one."""
    outbox.withdraw_unsent(transfer=file.transfer, file=file, kinds=READY_KINDS, now=now)
    waiting = LetterCase.objects.filter(file=file, letter__kind=LetterKind.FILES_READY)
    waiting.filter(letter__delivery=Delivery.COLLECTING).delete()


def tell_again(file: TransferFile, *, policy: Policy, now: datetime) -> None:
    """The recipient of a ready file is told of it, unless they were before; and reminded, if that was due."""
    recipient = file.transfer.recipient
    about = LetterCase.objects.filter(file=file, party=recipient, letter__kind__in=READY_KINDS)
    letters = [case.letter for case in about.select_related("letter").order_by("letter_id")]
    if not letters:
        collecting.collect_ready(file, recipient, policy=policy, now=now)
    elif all(letter.delivery in (Delivery.WITHDRAWN, Delivery.GIVEN_UP) for letter in letters):
        revive(letters[-1], policy=policy, now=now)
    of_end = Letter.objects.filter(key__startswith=f"{LetterKind.EXPIRY_REMINDER}:").about(file.transfer)
    for reminder in of_end:
        revive(reminder, policy=policy, now=now)


def revive(letter: Letter, *, policy: Policy, now: datetime) -> None:
    """Queues a letter that was withdrawn, with a text from today's rows, if it is true by now.

    It is the same letter, which has not left: it keeps its key and its Message-ID.
    """
    row = Letter.objects.select_for_update().filter(pk=letter.pk, delivery=Delivery.WITHDRAWN).first()
    if row is None:
        return
    cases = list(row.cases.select_related("transfer", "party", "file").order_by("id"))
    if not truth.is_true_at(row, cases, now):
        return
    if not truth.write_anew(row, cases, policy=policy, now=now):
        log.error("letter %s cannot be written again", row.key)
        return
    row.delivery, row.written_at, row.next_try_at = Delivery.QUEUED, now, now
    row.tries, row.claimed_by, row.last_error, row.failure, row.failed_at = 0, "", "", "", None
    row.save()

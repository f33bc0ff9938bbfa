"""The letters about a case that its sender may have sent once more, as their status page lists them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from filsluss.actions.send_again import ASKED_FOR, MOST, last_of, times_sent_again
from filsluss.models import Letter, Transfer
from filsluss.models.letter import Delivery
from filsluss.pages import presenters
from filsluss.rules.letter_kinds import LetterKind

LEAVES_WITHIN = timedelta(seconds=2)
LISTED = 20
"""At most so many of the newest are listed."""


@dataclass(frozen=True)
class OwnLetter:
    """`may_send`: it has left, or was given up, and has not been sent again too often.

    `is_own_link`: it holds the sender's own link for uploading.
    """

    public_id: str
    label: str
    state: str
    when: presenters.When | None
    may_send: bool
    is_own_link: bool


def own_letters(transfer: Transfer) -> Iterator[OwnLetter]:
    """The newest letters of an account that is open, or of an application that waits for an answer."""
    kinds = (LetterKind.APPROVAL_REQUESTED,) if transfer.open_until is None else ASKED_FOR[1:]
    first = Letter.objects.about(transfer).filter(kind__in=kinds, again_of=None)
    untold = (Delivery.COLLECTING,) if transfer.is_blocked else (Delivery.COLLECTING, Delivery.WITHDRAWN)
    shown = first.exclude(delivery__in=untold).order_by("-pk")[:LISTED]
    for letter in shown:
        last = last_of(letter)
        if transfer.is_blocked:
            look_sent(last, timezone.now())
        yield OwnLetter(
            public_id=letter.public_id,
            label=_label(letter),
            state=_state(last),
            when=presenters.moment(last.sent_at),
            is_own_link=letter.kind == LetterKind.APPROVED,
            may_send=last.delivery in (Delivery.SENT, Delivery.GIVEN_UP) and times_sent_again(letter) < MOST,
        )


def look_sent(letter: Letter, now: datetime) -> None:
    """Has one that is held back look as any other does a moment later: its sender is not told."""
    is_gone = now >= letter.written_at + LEAVES_WITHIN
    letter.delivery = Delivery.SENT if is_gone else Delivery.QUEUED
    letter.sent_at = letter.written_at + LEAVES_WITHIN if is_gone else None


def _label(letter: Letter) -> str:
    """Who reads it and what it is about; never a file's name: more people may know a status link.

    Letters about files are told apart by the size of the file.
    """
    sizes = letter.cases.values_list("file__size", flat=True)[:1]
    size = presenters.size(next(iter(sizes), None))
    words: dict[str, str] = {
        LetterKind.APPROVAL_REQUESTED: _("To the approver: the request"),
        LetterKind.APPROVED: _("To you: the link for uploading"),
        LetterKind.FILE_READY: _("To the recipient: a file of %(size)s") % {"size": size},
        LetterKind.FILES_READY: _("To the recipient: several files"),
    }
    return words[letter.kind]


def _state(letter: Letter) -> str:
    if letter.delivery == Delivery.GIVEN_UP:
        return _("not delivered")
    return _("sent") if letter.delivery == Delivery.SENT else _("waiting to be sent")

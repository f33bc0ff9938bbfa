"""Mailboxes: how many letters of a kind one mailbox has got in a day, however its address was spelt."""

from datetime import datetime, timedelta

from django.db.models import QuerySet

from filsluss.models import LetterCase, Party
from filsluss.rules.policy import Policy

DAY = timedelta(days=1)


def written_to(party: Party, *, kind: str, now: datetime) -> QuerySet[LetterCase]:
    """What the letters of that kind are about that the party's mailbox has got in a day."""
    return LetterCase.objects.filter(
        letter__kind=kind, letter__written_at__gt=now - DAY, party__canonical=party.canonical
    )


def has_room(party: Party, *, kind: str, policy: Policy, now: datetime) -> bool:
    """Whether the mailbox has got fewer of them than `policy.letters_per_day`."""
    most = policy.letters_per_day
    return len(written_to(party, kind=kind, now=now).values_list("pk")[:most]) < most

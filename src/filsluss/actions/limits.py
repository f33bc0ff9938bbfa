"""Limits: how often something may be done from a network or to a mailbox, and when there is room again."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from filsluss.installation import Services
from filsluss.letters.mailboxes import DAY, written_to
from filsluss.models import Attempt, Party, Transfer, serialize_on
from filsluss.rules.directions import Proof, Role
from filsluss.rules.letter_kinds import LetterKind
from filsluss.rules.lifecycle import State
from filsluss.rules.networks import Client, is_inside_network, rate_key
from filsluss.rules.refusals import Refused

HOUR = timedelta(hours=1)
APPLICATION, OUTBOUND, MAILBOX = "application", "outbound", "mailbox"


class Limit(StrEnum):
    """Which limit is reached: of a network, of a sender named by strangers, of a case, of a form, or of
    guesses: of codes and of passwords; or of questions about emails."""

    NETWORK = "network"
    SENDER = "sender"
    CASE = "case"
    FORM = "form"
    CODES = "codes"
    SIGN_INS = "sign-ins"
    QUESTIONS = "questions"


class LimitReached(Refused):
    """It was asked too often; `retry_after` is the seconds until it may be asked again."""

    status = 429

    def __init__(self, limit: Limit, retry_after: int) -> None:
        super().__init__(limit, retry_after=retry_after)
        self.limit = limit


def refuse_over(
    times: Sequence[datetime], *, most: int, window: timedelta, limit: Limit, now: datetime
) -> None:
    """Raises LimitReached if `most` of these times (oldest first, all within `window`) are counted."""
    if len(times) >= most:
        free_at = times[-most] + window
        raise LimitReached(limit, max(1, math.ceil((free_at - now).total_seconds())))


def attempts(kind: str, *, network: str, since: datetime) -> list[datetime]:
    """The times of a network's attempts of that kind, oldest first."""
    found = Attempt.objects.filter(kind=kind, network=network, at__gt=since)
    return list(found.order_by("at").values_list("at", flat=True))


def count_for_network(client: Client, *, services: Services, now: datetime, kind: str = APPLICATION) -> None:
    """Counts an application, or a report of that kind, against its network; inside networks are exempt.

    Raises LimitReached.
    """
    if is_inside_network(client, networks=services.policy.inside_networks):
        return
    serialize_on(kind, now=now)
    network = rate_key(client.address)
    earlier = attempts(kind, network=network, since=now - HOUR)
    refuse_over(
        earlier, most=services.policy.applications_per_hour, window=HOUR, limit=Limit.NETWORK, now=now
    )
    Attempt.objects.create(kind=kind, network=network, at=now)


def count_outbound(sender: Party, *, client: Client, services: Services, now: datetime) -> None:
    """Counts an outbound application against the address that it names as its sender.

    Anyone outside may type that address, so only applications count whose sender has no proof, and a
    single network may use up no more than half. Those with a proof are never refused. Raises LimitReached.
    """
    if sender.proof != Proof.NONE:
        return
    serialize_on(OUTBOUND, now=now)
    since, most = now - DAY, services.policy.outbound_per_day
    key = sha256(f"{sender.canonical} {rate_key(client.address)}".encode()).hexdigest()
    share = attempts(OUTBOUND, network=key, since=since)
    refuse_over(share, most=(most + 1) // 2, window=DAY, limit=Limit.SENDER, now=now)
    unproved = Transfer.objects.filter(applied_at__gt=since).filter(
        parties__role=Role.SENDER, parties__canonical=sender.canonical, parties__proof=Proof.NONE
    )
    times = list(unproved.order_by("applied_at").values_list("applied_at", flat=True))
    refuse_over(times, most=most, window=DAY, limit=Limit.SENDER, now=now)
    Attempt.objects.create(kind=OUTBOUND, network=key, at=now)


def may_ask_at_once(
    approver: Party, *, client: Client, services: Services, now: datetime, reason_code: str = ""
) -> bool:
    """Whether the approver gets a letter of its own; else the request waits for the next list.

    Undecided requests of the last day count, by mailbox, and those that their sender took back after they
    were sent, or taking back would make room for the next one. From an inside network nobody waits.
    Blocked ones count for those of that `reason_code` only: they wait as anybody does, and nobody for them.
    """
    if is_inside_network(client, networks=services.policy.inside_networks):
        return True
    serialize_on(MAILBOX, now=now)
    asked = Party.objects.filter(
        role=Role.APPROVER,
        canonical=approver.canonical,
        transfer__state__in=(State.PENDING, State.WITHDRAWN),
        transfer__asked_at__gt=now - DAY,
        transfer__reason_code__in=("", reason_code),
    )
    return asked.count() < services.policy.letters_per_day


def may_confirm(sender: Party, *, client: Client, services: Services, now: datetime) -> bool:
    """Whether the sender's mailbox gets the receipt of an application, which anybody may have made.

    Beyond the limit the application is taken without it: the status page says the same.
    """
    if is_inside_network(client, networks=services.policy.inside_networks):
        return True
    confirmed = written_to(sender, kind=LetterKind.RECEIVED, now=now).filter(transfer__open_until=None)
    return confirmed.count() < services.policy.letters_per_day

"""Whether an email is ours: whoever names the reference and the address that it was sent to is told."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from django.db import transaction

from filsluss.actions.download import seconds_to_wait
from filsluss.actions.limits import Limit, LimitReached, attempts
from filsluss.installation import Services
from filsluss.models import Attempt, Letter, serialize_on
from filsluss.models.letter import Delivery
from filsluss.rules.addresses import canonical, read_address
from filsluss.rules.application import party_problem
from filsluss.rules.networks import Client, rate_key
from filsluss.rules.policy import Policy
from filsluss.rules.refusals import FormRefused
from filsluss.rules.tokens import as_public_id

GENUINE, OF_MAILBOX = "genuine", "genuine-mailbox"
"""Attempts: of a network, and about a mailbox from anywhere."""
LISTED, DAY = 20, timedelta(days=1)


def letters_sent(
    reference: str, *, address: str, client: Client, services: Services, now: datetime
) -> Sequence[Letter]:
    """The letters about that case that have left to that mailbox, newest first.

    Each question is counted, whatever its answer, so that neither row nor time tells who has a case. Raises
    FormRefused, or LimitReached: a network waits as it does after wrong codes, and a mailbox is asked
    about no more than `letters_per_day` times a day, but for the first question of a network: others must
    not keep its reader from asking.
    """
    if problems := _problems_of(reference, address, services.policy):
        raise FormRefused(problems)
    mailbox = canonical(read_address(address))
    with transaction.atomic():
        serialize_on(GENUINE, now=now)
        _count(mailbox, client=client, services=services, now=now)
    found = Letter.objects.filter(
        cases__transfer__public_id=as_public_id(reference),
        cases__party__canonical=mailbox,
        delivery=Delivery.SENT,
    )
    return list(found.distinct().order_by("-sent_at", "-id")[:LISTED])


def _problems_of(reference: str, address: str, policy: Policy) -> dict[str, str]:
    problems = {"own_email": party_problem(address, policy) or ""}
    if not as_public_id(reference):
        problems["reference"] = "reference_malformed" if reference.strip() else "reference_empty"
    return {field: code for field, code in problems.items() if code}


def _count(mailbox: str, *, client: Client, services: Services, now: datetime) -> None:
    network, about = rate_key(client.address or "unknown"), sha256(mailbox.encode()).hexdigest()
    delay = seconds_to_wait(network, now=now, kind=GENUINE, free=services.policy.wrong_codes)
    asked = Attempt.objects.filter(kind=OF_MAILBOX, network=about, at__gt=now - DAY).order_by("at")
    times, most = list(asked.values_list("at", flat=True)), services.policy.letters_per_day
    if len(times) >= most and attempts(GENUINE, network=network, since=now - DAY):
        delay = max(delay, math.ceil((times[-most] + DAY - now).total_seconds()))
    if delay:
        raise LimitReached(Limit.QUESTIONS, delay)
    Attempt.objects.create(kind=GENUINE, network=network, at=now)
    Attempt.objects.create(kind=OF_MAILBOX, network=about, at=now)

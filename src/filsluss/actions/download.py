"""Download: a code is exchanged for its file, and what was fetched is remembered."""

from datetime import datetime, timedelta

from django.db import transaction

from filsluss.actions.transitions import record_audit, withdraw_needless_reminder
from filsluss.letters import collecting
from filsluss.models import Attempt, Link, Pickup, serialize_on
from filsluss.rules.directions import Proof
from filsluss.rules.lifecycle import FileState, Receipts
from filsluss.rules.networks import Client, rate_key
from filsluss.rules.policy import Policy
from filsluss.rules.spans import cover, with_span
from filsluss.rules.throttle import Failures, delay_after
from filsluss.rules.tokens import Purpose, code_digest, read_code

WRONG_CODE = "wrong-code"


class WrongCode(Exception):
    """No file that may be fetched now answers to this code."""


class TooManyTries(Exception):
    """This network has guessed too often, the file is as reachable as before; `retry_after` in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


def pickup_by_code(typed: str, *, client: Client, policy: Policy, now: datetime) -> Pickup:
    """The pickup of a ready file of an open transfer with that code; raises WrongCode or TooManyTries."""
    network = rate_key(client.address or "unknown")
    with transaction.atomic():
        serialize_on(WRONG_CODE, now=now)
        delay = seconds_until_heard(network, now=now)
        found = None if delay else _find(typed, policy=policy, now=now)
        if not delay and found is None:
            Attempt.objects.create(kind=WRONG_CODE, network=network, at=now)
            delay = seconds_until_heard(network, now=now)
    if delay:
        raise TooManyTries(delay)
    if found is None:
        raise WrongCode
    return found


def _find(typed: str, *, policy: Policy, now: datetime) -> Pickup | None:
    digests = [code_digest(key, read_code(typed)) for key in policy.code_keys]
    found = Pickup.objects.filter(code_digest__in=digests).select_related("file__transfer", "party").first()
    return found if found and found.file.is_open_at(now) else None


def seconds_until_heard(network: str, *, now: datetime, kind: str = WRONG_CODE) -> int:
    """Seconds until this network is heard again; 0 now, and always for one that has not guessed wrong."""
    wrong = Attempt.objects.filter(kind=kind, at__gt=now - timedelta(hours=24))
    mine = list(wrong.filter(network=network).order_by("at").values_list("at", flat=True))
    in_all = wrong.filter(at__gt=now - timedelta(hours=1)).count() if mine else 0
    return delay_after(Failures(mine, in_all), now=now)


def record_sent_bytes(link: Link, *, start: int, reached: int, policy: Policy, now: datetime) -> None:
    """Bytes [start, reached) of the link's file have left; once all of them have, that is a fetch.

    They may leave in any order and in several responses at once. This record is the one trace a GET leaves.
    """
    assert link.file is not None
    with transaction.atomic():
        held = Pickup.objects.filter(file=link.file, party=link.party, file__state=FileState.READY)
        pickup = held.select_for_update(of=("self",)).first()
        if pickup is None:
            return
        pickup.spans = with_span(pickup.spans, start, reached)
        size = link.file.size or 0
        if not cover(pickup.spans, size):
            pickup.partly_at = pickup.partly_at or now
            pickup.save(update_fields=["spans", "partly_at"])
            return
        _fetched(pickup, link, policy=policy, now=now)


def _fetched(pickup: Pickup, link: Link, *, policy: Policy, now: datetime) -> None:
    """A whole fetch: counted, noted in the trail, and told to the sender if they want to hear of it."""
    file, is_first = link.file, pickup.fetched_at is None
    assert file is not None
    pickup.spans, pickup.fetches, pickup.fetched_last_at = [], pickup.fetches + 1, now
    pickup.fetched_at = pickup.fetched_at or now
    pickup.save(update_fields=["spans", "fetches", "fetched_last_at", "fetched_at"])
    record_audit(file.transfer, step="fetched", role=link.party.role, now=now, file=file)
    if link.purpose == Purpose.DOWNLOAD:  # the code may have been told by somebody else than a letter
        link.party.prove(Proof.MAILBOX, now=now)
    receipts = file.transfer.receipts
    if receipts == Receipts.EACH or (is_first and receipts == Receipts.FIRST):
        collecting.collect_fetched(file, link.party, policy=policy, now=now)
    if is_first:
        withdraw_needless_reminder(file.transfer, now=now)

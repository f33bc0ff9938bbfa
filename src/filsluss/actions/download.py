"""Download: the file that a pickup code opens, and the record of which bytes were sent to whom."""

from datetime import datetime, timedelta

from django.db import transaction

from filsluss.actions import security_log
from filsluss.actions.limits import Limit, LimitReached
from filsluss.actions.transitions import Cause, record_audit, withdraw_needless_reminder
from filsluss.installation import Services
from filsluss.letters import collecting
from filsluss.models import Attempt, AuditEntry, Link, Pickup, serialize_on
from filsluss.rules.directions import Proof
from filsluss.rules.lifecycle import FileState, Receipts
from filsluss.rules.networks import Client, rate_key
from filsluss.rules.refusals import FormRefused
from filsluss.rules.security_events import Kind, Outcome
from filsluss.rules.spans import cover, with_span
from filsluss.rules.throttle import FREE_FAILURES, Failures, delay_after
from filsluss.rules.tokens import Purpose, code_digest, read_code

WRONG_CODE = "wrong-code"
NOTED_OF_NETWORK, NOTED_IN_ALL = 10, 100
"""Whole fetches of a file by one party that the trail notes in a day; the pickup counts further ones."""


def pickup_by_code(typed: str, *, client: Client, services: Services, now: datetime) -> Pickup:
    """The pickup of a ready file of an open transfer with that code.

    Raises FormRefused, or LimitReached for a network with too many wrong codes; the file is not blocked.
    """
    network, is_wrong = rate_key(client.address or "unknown"), False
    with transaction.atomic():
        serialize_on(WRONG_CODE, now=now)
        delay = seconds_to_wait(network, now=now, free=services.policy.wrong_codes)
        found = None if delay else _find(typed, services=services, now=now)
        if not delay and found is None:
            Attempt.objects.create(kind=WRONG_CODE, network=network, at=now)
            delay, is_wrong = seconds_to_wait(network, now=now, free=services.policy.wrong_codes), True
    if is_wrong:
        security_log.note(security_log.event_now(Kind.CODE, outcome=Outcome.WRONG, now=now))
    if delay:
        raise LimitReached(Limit.CODES, delay)
    if found is None:
        raise FormRefused({"code": "code_wrong"})
    return found


def _find(typed: str, *, services: Services, now: datetime) -> Pickup | None:
    digests = [code_digest(key, read_code(typed)) for key in services.policy.code_keys]
    found = Pickup.objects.filter(code_digest__in=digests).select_related("file__transfer", "party").first()
    return found if found and found.file.is_open_at(now) else None


def seconds_to_wait(network: str, *, now: datetime, kind: str = WRONG_CODE, free: int = FREE_FAILURES) -> int:
    """Seconds until this network may try again; 0 if it may now. One without wrong guesses never waits."""
    wrong = Attempt.objects.filter(kind=kind, at__gt=now - timedelta(hours=24))
    own = list(wrong.filter(network=network).order_by("at").values_list("at", flat=True))
    of_all = wrong.filter(at__gt=now - timedelta(hours=1)).count() if own else 0
    return delay_after(Failures(own, of_all), now=now, free=free)


def record_sent_bytes(link: Link, *, start: int, reached: int, services: Services, now: datetime) -> None:
    """Records that bytes [start, reached) of the link's file were sent; all of them together are a fetch.

    They may be sent in any order and in several responses at once. Bytes that left without being all are in
    the audit trail, too, once for each link, network and day. A GET writes nothing else, and neither adds
    entries without end, however often and from however many networks it comes. What was recorded of the
    request of that moment counts once, also if nobody knows that it was and it is recorded again.
    """
    assert link.file is not None
    with transaction.atomic():
        pickups = Pickup.objects.filter(file=link.file, party=link.party, file__state=FileState.READY)
        pickup = pickups.select_for_update(of=("self",)).first()
        if pickup is None or pickup.fetched_last_at == now:
            return
        pickup.spans = with_span(pickup.spans, start, reached)
        size = link.file.size or 0
        if not cover(pickup.spans, size):
            pickup.partly_at = pickup.partly_at or now
            pickup.save(update_fields=["spans", "partly_at"])
            _note_partly(link, services=services, now=now)
            return
        _fetched(pickup, link, services=services, now=now)


def _note_partly(link: Link, *, services: Services, now: datetime) -> None:
    file, cause = link.file, Cause(link.party.role, detail={"link": link.purpose})
    assert file is not None
    noted = _noted_today(link, "partly-fetched", services=services, now=now)
    if (_network_of(cause), cause.detail) not in noted and len(noted) < NOTED_IN_ALL:
        record_audit(file.transfer, step="partly-fetched", cause=cause, now=now, file=file)


def _noted_today(
    link: Link, step: str, *, services: Services, now: datetime
) -> list[tuple[str, dict[str, str] | None]]:
    """The network and the details of each entry of today about the file and the party of the link."""
    assert link.file is not None
    noted = AuditEntry.objects.filter(
        transfer_public_id=link.file.transfer.public_id,
        file_public_id=link.file.public_id,
        step=step,
        party_public_id=link.party.public_id,
        at__gte=services.policy.end_of(now, -1),
    )
    return [(rate_key(network), detail) for network, detail in noted.values_list("network", "detail")]


def _network_of(cause: Cause) -> str:
    """What one client owns: an IPv4 address, or the /64 of an IPv6 address."""
    return rate_key(cause.origin.network)


def _is_to_be_noted(pickup: Pickup, link: Link, cause: Cause, *, services: Services, now: datetime) -> bool:
    if pickup.fetches <= NOTED_OF_NETWORK:
        return True
    noted = [network for network, _ in _noted_today(link, "fetched", services=services, now=now)]
    return noted.count(_network_of(cause)) < NOTED_OF_NETWORK and len(noted) < NOTED_IN_ALL


def _fetched(pickup: Pickup, link: Link, *, services: Services, now: datetime) -> None:
    """Counts a whole fetch, adds it to the audit trail, and writes the receipt that the sender chose."""
    file, is_first = link.file, pickup.fetched_at is None
    assert file is not None
    pickup.spans, pickup.fetches, pickup.fetched_last_at = [], pickup.fetches + 1, now
    pickup.fetched_at = pickup.fetched_at or now
    pickup.save(update_fields=["spans", "fetches", "fetched_last_at", "fetched_at"])
    if link.purpose == Purpose.DOWNLOAD:  # a code may have reached them by another way than a letter
        link.party.prove(Proof.MAILBOX, now=now)
    cause = Cause(link.party.role)
    if _is_to_be_noted(pickup, link, cause, services=services, now=now):
        record_audit(file.transfer, step="fetched", cause=cause, now=now, file=file)
    receipts = file.transfer.receipts
    if receipts == Receipts.EACH or (is_first and receipts == Receipts.FIRST):
        collecting.collect_fetched(file, link.party, policy=services.policy, now=now)
    if is_first:
        withdraw_needless_reminder(file.transfer, now=now)

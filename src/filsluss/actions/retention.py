"""Retention: networks in the audit trail and the security log are cut after a week, old events deleted."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from django.db import connection, transaction
from django.db.models import Model, Q, QuerySet

from filsluss.actions.block_list import forget_blocks
from filsluss.actions.passes import Passes
from filsluss.actions.persons import forget_persons
from filsluss.actions.security_log import Event, Tally, write
from filsluss.actions.staff_sessions import forget_sessions
from filsluss.installation import Services
from filsluss.models import AuditEntry, Letter, SecurityEvent
from filsluss.models.batches import by_key
from filsluss.models.letter import Delivery
from filsluss.rules.networks import cut_network
from filsluss.sqlite.copies import remove_old_copies

FULL_FOR = timedelta(days=7)
"""How long a client's whole address is kept."""
LOOKED_THROUGH = Passes("networks looked through", settled=FULL_FOR + timedelta(hours=1))
"""The whole is looked at once a day, for what a wrong clock has dated; else what has aged since."""
BATCH = 500
Row = TypeVar("Row", bound=Model)
IS_CUT = Q(network__endswith="/24") | Q(network__endswith="/48") | Q(network__in=("", "unknown", "other"))


def retain(*, services: Services, now: datetime) -> None:
    """Deletes old security events, blocks, sessions, persons and copies, and cuts networks after a while.

    Once a day also deletes letters of no case.
    """
    old = SecurityEvent.objects.filter(at__lte=now - timedelta(days=services.policy.security_log_days))
    if old.exists():  # a SELECT takes no lock
        old.delete()
    forget_blocks(now=now)
    forget_sessions(policy=services.policy, now=now)
    forget_persons(services=services, now=now)
    if connection.vendor == "sqlite":  # also where the service is not started anew for months
        remove_old_copies(Path(connection.settings_dict["NAME"]).parent, now=now)
    since = LOOKED_THROUGH.since(now=now)
    if since is None:
        _forget_letters_of_no_case(now - timedelta(days=services.policy.forget_days))
    _in_batches(AuditEntry.objects.filter(at__lte=now - FULL_FOR), since, _cut_entries)
    _in_batches(SecurityEvent.objects.filter(at__lte=now - FULL_FOR), since, _cut_events)
    LOOKED_THROUGH.remember(now, whole=since is None)


def _forget_letters_of_no_case(limit: datetime) -> None:
    old = Letter.objects.of_no_case().filter(written_at__lte=limit)
    old.exclude(delivery__in=(Delivery.QUEUED, Delivery.COLLECTING)).delete()


def _in_batches(rows: QuerySet[Row], since: datetime | None, cut: Callable[[list[Row]], None]) -> None:
    """By their keys, so that each is looked at once: all as they lie in the table, or those since then."""
    rows = rows.filter(at__gt=since) if since else rows.filter(pk__gt=0)
    for batch in by_key(rows.exclude(IS_CUT), BATCH):
        with transaction.atomic():
            cut(batch)


def _cut_entries(entries: list[AuditEntry]) -> None:
    by_network: defaultdict[str, list[int]] = defaultdict(list)
    for entry in entries:
        by_network[entry.network].append(entry.pk)
    for network, keys in by_network.items():
        AuditEntry.objects.filter(pk__in=keys).update(network=cut_or_blank(network))


def _cut_events(events: list[SecurityEvent]) -> None:
    """Events that are the same once their networks are cut become one, with the sum of their counts."""
    tallies: dict[Event, Tally] = {}
    for row in events:
        event = Event(
            at=row.at,
            kind=row.kind,
            outcome=row.outcome,
            account=row.account,
            network=cut_or_blank(row.network),
            person=row.person,
            transfer_public_id=row.transfer_public_id,
        )
        tally = tallies.setdefault(event, Tally(0, row.request_id))
        tally.count += row.count
    SecurityEvent.objects.filter(pk__in=[row.pk for row in events]).delete()
    write(tallies)


def cut_or_blank(network: str) -> str:
    """The /24 or /48; empty for what is no address, which must not be kept, and would be met for ever."""
    cut = cut_network(network)
    return cut if cut.endswith(("/24", "/48")) else ""

"""Retention: networks in the audit trail and the security log are cut after a week, old events deleted."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from django.db import connection, transaction
from django.db.models import Model, Q, QuerySet

from filsluss.actions.block_list import forget_blocks
from filsluss.actions.persons import forget_persons
from filsluss.actions.security_log import Event, Tally, write
from filsluss.actions.staff_sessions import forget_sessions
from filsluss.installation import Services
from filsluss.models import AuditEntry, SecurityEvent
from filsluss.models.batches import by_key
from filsluss.rules.networks import cut_network
from filsluss.sqlite.copies import remove_old_copies

FULL_FOR = timedelta(days=7)
"""How long a client's whole address is kept."""
BATCH = 500
Row = TypeVar("Row", bound=Model)
IS_CUT = Q(network__endswith="/24") | Q(network__endswith="/48") | Q(network__in=("", "unknown", "other"))


def retain(*, services: Services, now: datetime) -> None:
    """Deletes old security events, blocks, sessions, persons and copies, and cuts networks after a while."""
    old = SecurityEvent.objects.filter(at__lte=now - timedelta(days=services.policy.security_log_days))
    if old.exists():  # a SELECT takes no lock
        old.delete()
    forget_blocks(now=now)
    forget_sessions(policy=services.policy, now=now)
    forget_persons(services=services, now=now)
    if connection.vendor == "sqlite":  # also where the service is not started anew for months
        remove_old_copies(Path(connection.settings_dict["NAME"]).parent, now=now)
    limit = now - FULL_FOR
    _in_batches(AuditEntry.objects.filter(at__lte=limit), _cut_entries)
    _in_batches(SecurityEvent.objects.filter(at__lte=limit), _cut_events)


def _in_batches(rows: QuerySet[Row], cut: Callable[[list[Row]], None]) -> None:
    """By their keys, as they lie in the table: most are cut already, and each is looked at once."""
    for batch in by_key(rows.filter(pk__gt=0).exclude(IS_CUT), BATCH):
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

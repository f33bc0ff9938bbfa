"""The block list: who may not use the service is put on it and taken off it, and applications are asked."""

from dataclasses import replace
from datetime import datetime

from django.db import transaction

from filsluss.actions.oversee import Reason, cause_of
from filsluss.actions.transitions import Cause, note_act
from filsluss.installation import Services
from filsluss.models import Blocked, Transfer
from filsluss.rules.blocking import MOST_DAYS, blocking_values, read_block
from filsluss.rules.directions import Role
from filsluss.rules.permissions import StaffRole
from filsluss.rules.refusals import FormRefused


def block(
    typed: str, *, days: str, reason: Reason, role: StaffRole, services: Services, now: datetime
) -> Blocked:
    """Puts an address or a domain on the list until the end of day `days`; raises FormRefused.

    The trail says who did it, and not what: the value leaves with the row.
    """
    problems = dict[str, str]()
    try:
        kind, value = read_block(typed, inside_domains=services.policy.inside_domains)
    except FormRefused as refused:
        problems |= refused.problems
    if not (days.isascii() and days.isdigit() and len(days) <= 3 and 1 <= int(days) <= MOST_DAYS):
        problems["days"] = "block_days"
    try:
        cause = cause_of(reason, now=now)
    except FormRefused as refused:
        problems |= refused.problems
    if problems:
        raise FormRefused(problems)
    until = services.policy.end_of(now, int(days))
    with transaction.atomic():
        Blocked.objects.filter(value=value, until__lte=now).delete()
        row, is_new = Blocked.objects.get_or_create(
            value=value,
            defaults={"kind": kind, "reason": cause.reason, "until": until, "by": cause.person, "at": now},
        )
        if not is_new:
            raise FormRefused({"value": "block_known"})
        _note("block-added", row, cause=replace(cause, role=role), now=now)
    return row


def unblock(row: Blocked, *, person: str, role: StaffRole, now: datetime) -> None:
    """Takes it off the list; nothing happens if that was done before."""
    with transaction.atomic():
        found = Blocked.objects.filter(pk=row.pk)
        if found.delete()[0]:
            _note("block-removed", row, cause=Cause(role, person), now=now)


def _note(step: str, row: Blocked, *, cause: Cause, now: datetime) -> None:
    cause = replace(cause, reason="", reason_code=row.kind, detail={"block": str(row.pk)})
    note_act(step, cause=cause, now=now)


def blocked_role(transfer: Transfer, *, now: datetime) -> Role | None:
    """The first of the three roles whose address is blocked; None if none is. One query in each case."""
    wanted = {
        role: blocking_values(address) for role in Role if (address := transfer.address_of(role)) is not None
    }
    values = [value for each in wanted.values() for value in each]
    found = set(Blocked.objects.filter(value__in=values, until__gt=now).values_list("value", flat=True))
    return next((role for role, each in wanted.items() if not found.isdisjoint(each)), None)


def forget_blocks(*, now: datetime) -> None:
    """Deletes what has been blocked for its time."""
    over = Blocked.objects.filter(until__lte=now)
    if over.exists():  # a SELECT takes no lock
        over.delete()

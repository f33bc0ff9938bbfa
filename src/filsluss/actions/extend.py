"""Extending: an open account gets more days, as many as an account may have in all."""

from dataclasses import replace
from datetime import datetime

from django.db import transaction

from filsluss.actions import reminders
from filsluss.actions.oversee import Reason, cause_of
from filsluss.actions.transitions import StepRefused, record_audit
from filsluss.installation import Services
from filsluss.models import Transfer
from filsluss.rules.lifecycle import State
from filsluss.rules.permissions import StaffRole
from filsluss.rules.policy import Policy
from filsluss.rules.refusals import FormRefused


def more_days(transfer: Transfer, *, policy: Policy, now: datetime) -> int:
    """How many days an account can still get: it lasts `max_days` in all from its approval at the most."""
    if not transfer.is_open_at(now) or transfer.open_until is None or transfer.decided_at is None:
        return 0
    longest = policy.end_of(transfer.decided_at, policy.max_days)
    return max(0, (policy.last_day(longest) - policy.last_day(transfer.open_until)).days)


def extend(
    transfer: Transfer, *, days: str, reason: Reason, role: StaffRole, services: Services, now: datetime
) -> None:
    """Moves the end of an open account by `days`, as typed; who was reminded of the old end is again.

    Raises FormRefused, and StepRefused if it is over or has another end by now.
    """
    most = more_days(transfer, policy=services.policy, now=now)
    if not most or transfer.open_until is None:
        raise StepRefused("extended")
    if not (days.isascii() and days.isdecimal() and len(days) <= 4 and 1 <= int(days) <= most):
        raise FormRefused({"days": "more_days"})
    until = services.policy.later_end(transfer.open_until, int(days))
    cause = replace(cause_of(reason, now=now), role=role)
    detail = {**(cause.detail or {}), "until": services.policy.last_day(until).isoformat()}
    with transaction.atomic():
        row = Transfer.objects.filter(pk=transfer.pk, state=State.OPEN, open_until=transfer.open_until)
        if not row.update(open_until=until):
            raise StepRefused("extended")
        reminders.end_of_another_day(transfer, now=now)
        transfer.open_until = until
        record_audit(transfer, step="extended", cause=replace(cause, detail=detail), now=now)

"""Decide: the approver opens the account or rejects the application with a reason."""

from datetime import datetime
from typing import Any

from django.db import transaction

from filsluss.actions.transitions import Cause, StepRefused, advance
from filsluss.installation import Services
from filsluss.models import Transfer
from filsluss.rules.decision import Decision, examine
from filsluss.rules.directions import Proof, Role
from filsluss.rules.lifecycle import APPROVED, REJECTED
from filsluss.rules.personal_number import CONFIRMED, has_personal_number
from filsluss.rules.refusals import FormRefused


def decide(transfer: Transfer, *, form: Decision, services: Services, now: datetime) -> Transfer:
    """Opens or rejects the transfer; raises StepRefused or FormRefused, and changes nothing then."""
    if not transfer.is_undecided_at(now):
        raise StepRefused("decided")
    if problems := examine(form, services.policy, today=services.policy.today(now)):
        raise FormRefused(problems)
    with transaction.atomic():
        if transfer.approver:  # before the letter is written, which may then name them
            transfer.approver.prove(Proof.MAILBOX, now=now)
        _carry_out(transfer, form, services=services, now=now)
    return transfer


def _carry_out(transfer: Transfer, decision: Decision, *, services: Services, now: datetime) -> None:
    changes: dict[str, Any] = {"decided_at": now}
    if decision.choice == "approve":
        step, cause = APPROVED, Cause(Role.APPROVER)
        changes["open_until"] = services.policy.end_of(now, int(decision.days))
    else:
        reason = decision.rejection_reason.strip()
        detail = CONFIRMED if has_personal_number(reason, today=services.policy.today(now)) else None
        step, cause = REJECTED, Cause(Role.APPROVER, reason=reason, detail=detail)
        changes["rejection_reason"] = cause.reason
    advance(transfer, step, cause=cause, services=services, now=now, where={"lapse_by__gt": now}, **changes)

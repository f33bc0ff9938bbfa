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


class DecisionRefused(ValueError):
    """The decision cannot be taken as it is; `problems` maps form fields to codes."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(problems)
        self.problems = problems


class AlreadyDecided(Exception):
    """The application has been decided, has lapsed or was withdrawn."""


def decide(transfer: Transfer, *, form: Decision, services: Services, now: datetime) -> Transfer:
    """Opens or rejects the transfer; raises AlreadyDecided or DecisionRefused, and changes nothing then."""
    if not transfer.is_undecided_at(now):
        raise AlreadyDecided
    if problems := examine(form, services.policy, today=services.policy.today(now)):
        raise DecisionRefused(problems)
    try:
        with transaction.atomic():
            if transfer.approver:  # before the letter is written, which may then name them
                transfer.approver.prove(Proof.MAILBOX, now=now)
            _carry_out(transfer, form, services=services, now=now)
    except StepRefused:
        raise AlreadyDecided from None
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

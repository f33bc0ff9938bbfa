"""Decide: the approver says yes, with days, or no, with a reason; whoever comes second is told so."""

from datetime import datetime

from django.db import transaction

from filsluss.actions.transitions import StepRefused, advance
from filsluss.models import Transfer
from filsluss.rules.decision import Decision, examine
from filsluss.rules.directions import Proof, Role
from filsluss.rules.lifecycle import APPROVED, REJECTED
from filsluss.rules.policy import Policy


class DecisionRefused(ValueError):
    """The decision cannot be taken as it is; `problems` maps form fields to codes."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(problems)
        self.problems = problems


class AlreadyDecided(Exception):
    """The application has been decided, has lapsed or was withdrawn."""


def decide(
    transfer: Transfer, *, decision: str, days: str, rejection_reason: str, policy: Policy, now: datetime
) -> Transfer:
    """Opens or rejects the transfer; raises AlreadyDecided or DecisionRefused, and changes nothing then."""
    if not transfer.is_undecided_at(now):
        raise AlreadyDecided
    made = Decision(decision, days, rejection_reason)
    if problems := examine(made, policy):
        raise DecisionRefused(problems)
    try:
        with transaction.atomic():
            _carry_out(transfer, made, policy=policy, now=now)
            if transfer.approver:
                transfer.approver.prove(Proof.MAILBOX, now=now)
    except StepRefused:
        raise AlreadyDecided from None
    return transfer


def _carry_out(transfer: Transfer, made: Decision, *, policy: Policy, now: datetime) -> None:
    role, in_time = Role.APPROVER.value, {"lapse_by__gt": now}
    if made.choice == "approve":
        until = policy.end_of(now, int(made.days))
        advance(
            transfer, APPROVED, role=role, policy=policy, now=now, where=in_time,
            decided_at=now, open_until=until,
        )  # fmt: skip
    else:
        reason = made.rejection_reason.strip()
        advance(
            transfer, REJECTED, role=role, policy=policy, now=now, where=in_time, reason=reason,
            decided_at=now, rejection_reason=reason,
        )  # fmt: skip

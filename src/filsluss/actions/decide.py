"""Decide: the approver says yes, with days, or no, with a reason; whoever comes second is told so."""

from datetime import datetime

from filsluss.actions.transitions import StepRefused, advance
from filsluss.models import Transfer
from filsluss.rules.decision import Decision, examine
from filsluss.rules.directions import Role
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
        _carry_out(transfer, made, policy=policy, now=now)
    except StepRefused:
        raise AlreadyDecided from None
    return transfer


def _carry_out(transfer: Transfer, made: Decision, *, policy: Policy, now: datetime) -> None:
    by, role, in_time = transfer.approver_email, Role.APPROVER.value, {"lapse_by__gt": now}
    if made.choice == "approve":
        until = policy.end_of(now, int(made.days))
        advance(
            transfer, APPROVED, by=by, role=role, policy=policy, now=now, where=in_time,
            decided_at=now, open_until=until,
        )  # fmt: skip
    else:
        reason = made.rejection_reason.strip()
        advance(
            transfer, REJECTED, by=by, role=role, policy=policy, now=now, where=in_time, reason=reason,
            decided_at=now, rejection_reason=reason,
        )  # fmt: skip

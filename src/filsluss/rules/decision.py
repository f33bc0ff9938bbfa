"""What a decision must hold: approve needs days and takes no message, reject needs a reason and no days."""

import re
from dataclasses import dataclass

from filsluss.rules.policy import Policy

REASON_MAX = 500


@dataclass(frozen=True)
class Decision:
    """The form as typed."""

    choice: str
    days: str = ""
    rejection_reason: str = ""


def examine(decision: Decision, policy: Policy) -> dict[str, str]:
    """Every problem by the name of its field; empty when the decision can be carried out."""
    match decision.choice:
        case "approve":
            return _approval(decision, policy)
        case "reject":
            return _rejection(decision)
    return {"decision": "decision_missing"}


def _approval(decision: Decision, policy: Policy) -> dict[str, str]:
    problems = {}
    if not decision.days:
        problems["days"] = "days_missing"
    elif not re.fullmatch(r"[0-9]{1,4}", decision.days) or not 1 <= int(decision.days) <= policy.max_days:
        problems["days"] = "days_range"
    if decision.rejection_reason.strip():
        problems["rejection_reason"] = "note_refused"
    return problems


def _rejection(decision: Decision) -> dict[str, str]:
    problems = {"days": "days_refused"} if decision.days else {}
    if not decision.rejection_reason.strip():
        problems["rejection_reason"] = "reason_empty"
    elif len(decision.rejection_reason) > REASON_MAX:
        problems["rejection_reason"] = "reason_long"
    return problems

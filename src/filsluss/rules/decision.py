"""The approver's decision form: approve takes days and no message, reject takes a reason and no days."""

import re
from dataclasses import dataclass
from datetime import date

from filsluss.rules.personal_number import has_personal_number
from filsluss.rules.policy import Policy

REASON_MAX = 500


@dataclass(frozen=True)
class Decision:
    """The form as typed."""

    choice: str
    days: str = ""
    rejection_reason: str = ""
    numbers_confirmed: bool = False
    """Whether the approver says that what looks like a personal identity number is none."""


def examine(decision: Decision, policy: Policy, *, today: date) -> dict[str, str]:
    """The codes of all problems by field; empty if the decision is valid."""
    match decision.choice:
        case "approve":
            return _approval_problems(decision, policy)
        case "reject":
            return _rejection_problems(decision, today)
    return {"decision": "decision_missing"}


def _approval_problems(decision: Decision, policy: Policy) -> dict[str, str]:
    problems = {}
    if not decision.days:
        problems["days"] = "days_missing"
    elif not re.fullmatch(r"[0-9]{1,4}", decision.days) or not 1 <= int(decision.days) <= policy.max_days:
        problems["days"] = "days_range"
    if decision.rejection_reason.strip():
        problems["rejection_reason"] = "note_refused"
    return problems


def _rejection_problems(decision: Decision, today: date) -> dict[str, str]:
    problems = {"days": "days_refused"} if decision.days else {}
    if not decision.rejection_reason.strip():
        problems["rejection_reason"] = "reason_empty"
    elif len(decision.rejection_reason) > REASON_MAX:
        problems["rejection_reason"] = "reason_long"
    elif has_personal_number(decision.rejection_reason, today=today) and not decision.numbers_confirmed:
        problems["rejection_reason"] = "personal_number"
    return problems

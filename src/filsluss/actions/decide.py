"""Decide: the approver opens the account or rejects the application with a reason."""

from datetime import datetime
from typing import Any

from django.db import transaction

from filsluss.actions.transitions import Cause, StepRefused, advance
from filsluss.installation import Services
from filsluss.models import Person, StaffSession, Transfer
from filsluss.rules.decision import Decision, examine
from filsluss.rules.directions import Proof, Role
from filsluss.rules.lifecycle import APPROVED, REJECTED
from filsluss.rules.personal_number import CONFIRMED, has_personal_number
from filsluss.rules.refusals import FormRefused, Refused


class SignInNeeded(Refused):
    """Only the approver who is signed in may answer here; a link answers nothing."""

    status = 403

    def __init__(self) -> None:
        super().__init__("sign_in_needed")


def decide(
    transfer: Transfer, *, form: Decision, services: Services, now: datetime, signed_in: Person | None = None
) -> Transfer:
    """Opens or rejects the transfer; raises StepRefused or FormRefused, and changes nothing then.

    `signed_in` is who answers, if they have signed in and `may_answer`. Raises SignInNeeded without them
    where the policy wants them.
    """
    if signed_in is None and services.policy.decide_sign_in:
        raise SignInNeeded
    if not transfer.is_undecided_at(now):
        raise StepRefused("decided")
    if problems := examine(form, services.policy, today=services.policy.today(now)):
        raise FormRefused(problems)
    with transaction.atomic():
        if transfer.approver:  # before the letter is written, which may then name them
            transfer.approver.prove(Proof.SIGN_IN if signed_in else Proof.MAILBOX, now=now)
        person = signed_in.trail_name if signed_in else ""
        _carry_out(transfer, form, person=person, services=services, now=now)
    return transfer


def may_answer(session: StaffSession, *, transfer: Transfer) -> bool:
    """Whether the request was sent to this person, or to a shared mailbox that they answer for."""
    approver = transfer.approver
    return approver is not None and approver.canonical in (session.person.canonical, *session.mailboxes)


def _carry_out(
    transfer: Transfer, decision: Decision, *, person: str, services: Services, now: datetime
) -> None:
    changes: dict[str, Any] = {"decided_at": now}
    if decision.choice == "approve":
        step, cause = APPROVED, Cause(Role.APPROVER, person)
        changes["open_until"] = services.policy.end_of(now, int(decision.days))
    else:
        reason = decision.rejection_reason.strip()
        detail = CONFIRMED if has_personal_number(reason, today=services.policy.today(now)) else None
        step, cause = REJECTED, Cause(Role.APPROVER, person, reason, detail=detail)
        changes["rejection_reason"] = cause.reason
    advance(transfer, step, cause=cause, services=services, now=now, **changes)

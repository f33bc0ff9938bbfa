"""A link that fills in the application form: what it may hold."""

from dataclasses import dataclass

from filsluss.rules.addresses import read_address
from filsluss.rules.application import TEXT_MAX, party_problem, same_person
from filsluss.rules.policy import Policy


@dataclass(frozen=True)
class Prefilled:
    """The recipient, and perhaps the reason and an approver; `to` and `approver` as they were typed."""

    to: str
    why: str = ""
    approver: str = ""


def examine(form: Prefilled, policy: Policy) -> dict[str, str]:
    """The codes of all problems by field; empty if the link can be made."""
    problems: dict[str, str | None] = {"link_to": party_problem(form.to, policy)}
    if len(form.why) > TEXT_MAX:
        problems["link_why"] = "purpose_long"
    if form.approver:
        problems["link_approver"] = party_problem(form.approver, policy) or _approver_problem(form, policy)
    return {field: code for field, code in problems.items() if code}


def _approver_problem(form: Prefilled, policy: Policy) -> str | None:
    if not policy.is_inside(read_address(form.approver)):
        return "approver_outside"
    return "approver_is_party" if same_person(form.approver, form.to) else None

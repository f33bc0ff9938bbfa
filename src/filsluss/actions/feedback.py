"""Feedback: reports that a page cannot be used or that a transfer is misused, sent to those responsible."""

from datetime import datetime, timedelta

from django.db import transaction

from filsluss.actions.apply import TooManyApplications, count_application
from filsluss.actions.transitions import Cause, record_audit
from filsluss.letters.feedback import ACCESSIBILITY_KIND, write_abuse_report, write_accessibility_feedback
from filsluss.models import AuditEntry, Letter, Party, Transfer, serialize_on
from filsluss.rules.addresses import read_address
from filsluss.rules.application import address_problem
from filsluss.rules.networks import Client
from filsluss.rules.policy import Policy

ACCESSIBILITY_MAX = 1000
ACCESSIBILITY = "report"
ABUSE, ABUSE_MAX, ABUSE_PER_DAY = "reported", 500, 5
"""The step in the audit trail, the characters of a report, and the reports of one transfer in a day."""


class FeedbackRefused(ValueError):
    """The report cannot be taken as it is; `problems` maps form fields to codes."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(problems)
        self.problems = problems


def send_accessibility_feedback(
    fault: str, *, reply_to: str, policy: Policy, now: datetime, client: Client
) -> Letter:
    """Queues a letter to `policy.contact_email`, which must be set; `reply_to` may be empty.

    Raises FeedbackRefused or TooManyApplications: a network may report as often as it may apply, and all
    together as often in a day as one mailbox gets letters about unapproved applications.
    """
    if problems := examine_accessibility(fault, address=reply_to):
        raise FeedbackRefused(problems)
    with transaction.atomic():
        count_application(client, policy=policy, now=now, kind=ACCESSIBILITY)
        limit_to_support(policy=policy, now=now)
        return write_accessibility_feedback(
            fault.strip(), reply_to=read_address(reply_to) if reply_to else "", policy=policy, now=now
        )


def examine_accessibility(fault: str, *, address: str) -> dict[str, str]:
    problems = {}
    if not fault.strip():
        problems["fault"] = "fault_empty"
    elif len(fault.strip()) > ACCESSIBILITY_MAX:
        problems["fault"] = "fault_long"
    if address and (problem := address_problem(address)):
        problems["reply_email"] = problem
    return problems


def limit_to_support(*, policy: Policy, now: datetime) -> None:
    recent = Letter.objects.filter(kind=ACCESSIBILITY_KIND, written_at__gt=now - timedelta(days=1))
    if recent.count() >= policy.letters_per_day:
        raise TooManyApplications(24 * 3600)


def send_abuse_report(
    words: str, *, transfer: Transfer, by: Party, policy: Policy, now: datetime, client: Client
) -> None:
    """Sends a party's report to the administrators, and adds it to the audit trail.

    Raises FeedbackRefused or TooManyApplications: a network may report as often as it may apply, and one
    transfer may be reported ABUSE_PER_DAY times in 24 hours.
    """
    text = words.strip()
    if not text or len(text) > ABUSE_MAX:
        raise FeedbackRefused({"abuse": "abuse_long" if text else "abuse_empty"})
    with transaction.atomic():
        count_application(client, policy=policy, now=now, kind=ABUSE)
        serialize_on(ABUSE, now=now)
        earlier = AuditEntry.objects.filter(
            transfer_public_id=transfer.public_id, step=ABUSE, at__gt=now - timedelta(days=1)
        )
        if earlier.count() >= ABUSE_PER_DAY:
            raise TooManyApplications(24 * 3600)
        record_audit(transfer, step=ABUSE, cause=Cause(by.role, reason=text), now=now)
        write_abuse_report(transfer, text, by=by, policy=policy, now=now)

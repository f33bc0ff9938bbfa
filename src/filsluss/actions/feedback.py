"""A report: a page cannot be used or a case is misused, and whoever keeps the service hears of it."""

from datetime import datetime, timedelta

from django.db import transaction

from filsluss.actions.apply import TooManyApplications, count_application
from filsluss.actions.transitions import record_audit
from filsluss.letters.feedback import ACCESSIBILITY_KIND, write_abuse_report, write_accessibility_feedback
from filsluss.models import AuditEntry, Letter, Party, Transfer, serialize_on
from filsluss.rules.addresses import AddressRefused, read_address
from filsluss.rules.networks import Client
from filsluss.rules.policy import Policy

ACCESSIBILITY_MAX = 1000
ACCESSIBILITY = "report"
ABUSE, ABUSE_MAX, ABUSE_PER_DAY = "reported", 500, 5
"""The step in the trail, how much may be said, and how often a day of one case."""


class FeedbackRefused(ValueError):
    """The report cannot be taken as it is; `problems` maps form fields to codes."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(problems)
        self.problems = problems


def send_accessibility_feedback(
    fault: str, *, reply_to: str, policy: Policy, now: datetime, client: Client
) -> Letter:
    """Queues the letter to whoever keeps the service, who must have an address; `reply_to` may be empty.

    Raises ReportRefused, or TooManyApplications: reports are as few as applications, and no more a day in
    all than one mailbox should get from strangers.
    """
    address = reply_to.strip()
    if problems := examine_accessibility(fault, address=address):
        raise FeedbackRefused(problems)
    with transaction.atomic():
        count_application(client, policy=policy, now=now, kind=ACCESSIBILITY)
        limit_to_support(policy=policy, now=now)
        return write_accessibility_feedback(
            fault.strip(), reply_to=read_address(address) if address else "", policy=policy, now=now
        )


def examine_accessibility(fault: str, *, address: str) -> dict[str, str]:
    problems = {}
    if not fault.strip():
        problems["fault"] = "fault_empty"
    elif len(fault.strip()) > ACCESSIBILITY_MAX:
        problems["fault"] = "fault_long"
    try:
        read_address(address or "nobody@example.com")
    except AddressRefused:
        problems["reply_email"] = "address_malformed"
    return problems


def limit_to_support(*, policy: Policy, now: datetime) -> None:
    recent = Letter.objects.filter(kind=ACCESSIBILITY_KIND, written_at__gt=now - timedelta(days=1))
    if recent.count() >= policy.letters_per_day:
        raise TooManyApplications(24 * 3600)


def send_abuse_report(
    words: str, *, transfer: Transfer, by: Party, policy: Policy, now: datetime, client: Client
) -> None:
    """Tells the administrators what a party says of the case, and keeps it in the case's trail.

    Raises ReportRefused, or TooManyApplications: a network reports as seldom as it applies, and a case
    is reported a few times a day at most.
    """
    said = words.strip()
    if not said or len(said) > ABUSE_MAX:
        raise FeedbackRefused({"abuse": "abuse_long" if said else "abuse_empty"})
    with transaction.atomic():
        count_application(client, policy=policy, now=now, kind=ABUSE)
        serialize_on(ABUSE, now=now)
        today = AuditEntry.objects.filter(
            transfer_public_id=transfer.public_id, step=ABUSE, at__gt=now - timedelta(days=1)
        )
        if today.count() >= ABUSE_PER_DAY:
            raise TooManyApplications(24 * 3600)
        record_audit(transfer, step=ABUSE, role=by.role, now=now, reason=said)
        write_abuse_report(transfer, said, by=by, policy=policy, now=now)

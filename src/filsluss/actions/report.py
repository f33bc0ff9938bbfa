"""A report: somebody could not use a page, and whoever looks after the service hears of it."""

from datetime import datetime, timedelta

from django.db import transaction

from filsluss.actions.apply import TooManyApplications, count_application
from filsluss.letters.report import KIND, write_report
from filsluss.models import Letter
from filsluss.rules.addresses import AddressRefused, read_address
from filsluss.rules.networks import Client
from filsluss.rules.policy import Policy

FAULT_MAX = 1000
REPORT = "report"


class ReportRefused(ValueError):
    """The report cannot be taken as it is; `problems` maps form fields to codes."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(problems)
        self.problems = problems


def report(fault: str, *, reply_to: str, policy: Policy, now: datetime, client: Client) -> Letter:
    """Queues the letter to whoever keeps the service, who must have an address; `reply_to` may be empty.

    Raises ReportRefused, or TooManyApplications: reports are as few as applications, and no more a day in
    all than one mailbox should get from strangers.
    """
    address = reply_to.strip()
    if problems := examine(fault, address=address):
        raise ReportRefused(problems)
    with transaction.atomic():
        count_application(client, policy=policy, now=now, kind=REPORT)
        spare_support(policy=policy, now=now)
        return write_report(
            fault.strip(), reply_to=read_address(address) if address else "", policy=policy, now=now
        )


def examine(fault: str, *, address: str) -> dict[str, str]:
    problems = {}
    if not fault.strip():
        problems["fault"] = "fault_empty"
    elif len(fault.strip()) > FAULT_MAX:
        problems["fault"] = "fault_long"
    try:
        read_address(address or "nobody@example.com")
    except AddressRefused:
        problems["reply_email"] = "address_malformed"
    return problems


def spare_support(*, policy: Policy, now: datetime) -> None:
    recent = Letter.objects.filter(kind=KIND, written_at__gt=now - timedelta(days=1))
    if recent.count() >= policy.letters_per_day:
        raise TooManyApplications(24 * 3600)

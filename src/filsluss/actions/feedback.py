"""Feedback: reports that a page cannot be used or that a transfer is misused, sent to those responsible."""

from datetime import datetime

from django.db import transaction

from filsluss.actions.limits import Limit, attempts, count_for_network, refuse_over
from filsluss.actions.transitions import Cause, record_audit
from filsluss.installation import Services
from filsluss.letters.feedback import write_abuse_report, write_accessibility_feedback
from filsluss.letters.mailboxes import DAY
from filsluss.models import AuditEntry, Letter, Party, Transfer, serialize_on
from filsluss.rules.addresses import read_address
from filsluss.rules.application import party_problem
from filsluss.rules.letter_kinds import LetterKind
from filsluss.rules.networks import Client, rate_key
from filsluss.rules.personal_number import CONFIRMED, has_personal_number
from filsluss.rules.refusals import FormRefused

ACCESSIBILITY_MAX = 1000
ACCESSIBILITY = "report"
ABUSE, ABUSE_MAX = "reported", 500
"""The step in the audit trail, and the characters of a report."""


def send_accessibility_feedback(
    fault: str,
    *,
    reply_to: str,
    numbers_confirmed: bool = False,
    services: Services,
    now: datetime,
    client: Client,
) -> Letter:
    """Queues a letter to `policy.contact_email`, which must be set; `reply_to` may be empty.

    `numbers_confirmed`: what looks like a personal identity number in the fault is said to be none.
    Raises FormRefused or LimitReached: a network may report as often as it may apply, and all together
    `policy.feedback_per_day` times; but the first report of a network in a day is never refused, nor one
    from an inside network.
    """
    problems = examine_accessibility(fault, address=reply_to, services=services)
    if "fault" not in problems and not numbers_confirmed and has_personal_number(fault, today=now.date()):
        problems["fault"] = "personal_number"
    if problems:
        raise FormRefused(problems)
    with transaction.atomic():
        if attempts(ACCESSIBILITY, network=rate_key(client.address), since=now - DAY):
            refuse_more_feedback(services=services, now=now)
        count_for_network(client, services=services, now=now, kind=ACCESSIBILITY)
        return write_accessibility_feedback(
            fault.strip(),
            reply_to=read_address(reply_to) if reply_to else "",
            policy=services.policy,
            now=now,
        )


def examine_accessibility(fault: str, *, address: str, services: Services) -> dict[str, str]:
    problems = {}
    if not fault.strip():
        problems["fault"] = "fault_empty"
    elif len(fault.strip()) > ACCESSIBILITY_MAX:
        problems["fault"] = "fault_long"
    if address and (problem := party_problem(address, services.policy)):
        problems["reply_email"] = problem
    return problems


def refuse_more_feedback(*, services: Services, now: datetime) -> None:
    recent = Letter.objects.filter(kind=LetterKind.ACCESSIBILITY_REPORT, written_at__gt=now - DAY).order_by(
        "written_at"
    )
    times = list(recent.values_list("written_at", flat=True))
    refuse_over(times, most=services.policy.feedback_per_day, window=DAY, limit=Limit.FORM, now=now)


def send_abuse_report(
    words: str,
    *,
    transfer: Transfer,
    by: Party,
    numbers_confirmed: bool = False,
    services: Services,
    now: datetime,
    client: Client,
) -> None:
    """Sends a party's report to the administrators, and adds it to the audit trail.

    `numbers_confirmed`: what looks like a personal identity number in it is said to be none.
    Raises FormRefused or LimitReached: a network may report as often as it may apply, and each role
    `policy.reports_per_day` times in a case; but the first report of a role is never refused.
    """
    text = words.strip()
    if not text or len(text) > ABUSE_MAX:
        raise FormRefused({"abuse": "abuse_long" if text else "abuse_empty"})
    has_number = has_personal_number(text, today=now.date())
    if has_number and not numbers_confirmed:
        raise FormRefused({"abuse": "personal_number"})
    with transaction.atomic():
        serialize_on(ABUSE, now=now)
        mine = AuditEntry.objects.filter(transfer_public_id=transfer.public_id, step=ABUSE, role=by.role)
        if mine.exists():
            times = list(mine.filter(at__gt=now - DAY).values_list("at", flat=True))
            refuse_over(times, most=services.policy.reports_per_day, window=DAY, limit=Limit.CASE, now=now)
            count_for_network(client, services=services, now=now, kind=ABUSE)
        cause = Cause(by.role, reason=text, detail=CONFIRMED if has_number else None)
        record_audit(transfer, step=ABUSE, cause=cause, now=now)
        write_abuse_report(transfer, text, by=by, policy=services.policy, now=now)

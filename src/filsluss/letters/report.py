"""A letter that belongs to no transfer: what somebody could not use, told to whoever can mend it."""

import secrets
from datetime import datetime

from filsluss.letters import hygiene, links
from filsluss.letters.compose import look_of, rendered
from filsluss.letters.facts import OTHER_LANGUAGE
from filsluss.letters.markup import html_of
from filsluss.models import Letter
from filsluss.rules.policy import Policy

KIND = "accessibility-report"


def write_report(fault: str, *, reply_to: str, policy: Policy, now: datetime) -> Letter:
    """Queues it in the house's own language; an answer goes to `reply_to`, if there is one."""
    language, host = policy.language, policy.mail_from.partition("@")[2]
    facts = {
        "fault": hygiene.quoted(fault),
        "reply_to": reply_to,
        "organisation": hygiene.one_line(policy.organisation),
        "statement": links.in_language(links.accessibility_page(policy), language),
        "site": links.site(policy),
        "other_page": links.in_language(links.site(policy), OTHER_LANGUAGE[language]),
    }
    subject, text = rendered(f"notices/{KIND}", language, facts)
    name = secrets.token_hex(8)
    return Letter.objects.create(
        key=f"{KIND}:{name}", kind=KIND, to=policy.keeper_email, reply_to=reply_to, language=language,
        subject=subject, text=text, message_id=f"<letter-{name}@{host}>", written_at=now, next_try_at=now,
        html=html_of(
            text, heading=subject, language=language, last_line_language=OTHER_LANGUAGE[language],
            links=[facts[name] for name in ("statement", "site", "other_page")], look=look_of(policy),
        ),
    )  # fmt: skip

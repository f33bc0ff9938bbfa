"""Letters about what people report: an accessibility fault, or the abuse of a case."""

import secrets
from datetime import datetime

from filsluss.letters import links, sanitize
from filsluss.letters.compose import render, style_of
from filsluss.letters.context import OTHER_LANGUAGE
from filsluss.letters.html import render_html
from filsluss.letters.notices import write_notice
from filsluss.models import Letter, Transfer
from filsluss.rules.directions import Role
from filsluss.rules.policy import Policy


def write_abuse_report(transfer: Transfer, words: str, *, role: Role, policy: Policy, now: datetime) -> int:
    """One letter to each administrator, else to support, about what a party says; returns how many."""
    facts = {
        "ref": transfer.public_id,
        "words": sanitize.quoted(words),
        "role": role.value,
        "reporter": transfer.address_of(role),
        "sender_email": transfer.sender_email,
        "recipient": transfer.recipient_email,
        "link": f"{policy.base_url}/oversee/transfers/{transfer.public_id}",
    }
    return write_notice(
        "abuse-reported",
        key=f"abuse-reported:{transfer.public_id}:{now:%Y%m%dT%H%M%S%f}",
        facts=facts,
        policy=policy,
        now=now,
        transfer=transfer,
        reply_to=transfer.address_of(role),
        to=policy.admin_emails or tuple(filter(None, [policy.support_email])),
    )


ACCESSIBILITY_KIND = "accessibility-report"


def write_accessibility_feedback(fault: str, *, reply_to: str, policy: Policy, now: datetime) -> Letter:
    """Queues it in the house's own language; an answer goes to `reply_to`, if there is one."""
    language, host = policy.language, policy.mail_from.partition("@")[2]
    facts = {
        "fault": sanitize.quoted(fault),
        "reply_to": reply_to,
        "organisation": sanitize.one_line(policy.organisation),
        "statement": links.in_language(links.accessibility_page(policy), language),
        "site": links.site(policy),
        "other_page": links.in_language(links.site(policy), OTHER_LANGUAGE[language]),
    }
    subject, text = render(f"notices/{ACCESSIBILITY_KIND}", language, facts)
    name = secrets.token_hex(8)
    return Letter.objects.create(
        key=f"{ACCESSIBILITY_KIND}:{name}",
        kind=ACCESSIBILITY_KIND,
        to=policy.contact_email,
        reply_to=reply_to,
        language=language,
        subject=subject,
        text=text,
        message_id=f"<letter-{name}@{host}>",
        written_at=now,
        next_try_at=now,
        html=render_html(
            text,
            heading=subject,
            language=language,
            last_line_language=OTHER_LANGUAGE[language],
            links=[facts[name] for name in ("statement", "site", "other_page")],
            look=style_of(policy),
        ),
    )

"""Notices: letters to the administrators, who are no party of any transfer: an infected file, an alarm."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from filsluss.letters import compose, sanitize
from filsluss.letters.context import OTHER_LANGUAGE
from filsluss.letters.html import render_html
from filsluss.models import Alarm, Letter, Transfer, TransferFile
from filsluss.rules.formats import moment_text, size_text
from filsluss.rules.policy import Policy
from filsluss.rules.tokens import digest_of

ADMINISTRATOR = "administrator"


def write_infected(file: TransferFile, *, policy: Policy, now: datetime) -> int:
    """One letter to each administrator about a file that was stopped; returns how many."""
    transfer = file.transfer
    facts = {
        "ref": transfer.public_id,
        "virus": sanitize.one_line(file.virus),
        "file_id": file.public_id,
        "size": size_text(file.size or 0, policy.language),
        "sha256": file.sha256,
        "sender_email": transfer.sender_email,
        "recipient": transfer.recipient_email,
        "link": f"{policy.base_url}/oversee/transfers/{transfer.public_id}",
    }
    key = f"file-infected:{transfer.public_id}:{file.public_id}"
    return write_notice(
        "file-infected", key=key, facts=facts, policy=policy, now=now, transfer=transfer, file=file
    )


def write_alarm(alarm: Alarm, *, policy: Policy, now: datetime) -> int:
    """One letter to each administrator about what is wrong since `alarm.since`; returns how many."""
    assert alarm.since is not None
    facts = {
        "check": alarm.name,
        "since": moment_text(alarm.since.astimezone(policy.time_zone), policy.language),
        "value": sanitize.one_line(alarm.value),
        "limit": sanitize.one_line(alarm.limit),
        "link": f"{policy.base_url}/oversee",
    }
    return write_notice(
        "alarm", key=f"alarm:{alarm.name}:{now:%Y%m%dT%H%M%S}", facts=facts, policy=policy, now=now
    )


def write_notice(
    kind: str,
    *,
    key: str,
    facts: dict[str, Any],
    policy: Policy,
    now: datetime,
    transfer: Transfer | None = None,
    file: TransferFile | None = None,
    reply_to: str = "",
    to: Sequence[str] | None = None,
) -> int:
    """Queues the letter to every administrator, in the house's own language."""
    language = policy.language
    other = f"{facts['link']}?lang={OTHER_LANGUAGE[language]}"
    own = {"organisation": sanitize.one_line(policy.organisation), "other_page": other}
    subject, text = compose.render(f"notices/{kind}", language, {**facts, **own})
    html = render_html(
        text, heading=subject, links=[facts["link"], other], language=language,
        last_line_language=OTHER_LANGUAGE[language], look=compose.style_of(policy),
    )  # fmt: skip
    host = policy.mail_from.partition("@")[2]
    readers = policy.admin_emails if to is None else to
    # The key has less room than the longest address.
    for address in readers:
        Letter.objects.get_or_create(
            key=f"{key}:{digest_of(address)[:16]}",
            defaults={
                "kind": kind, "role": ADMINISTRATOR, "transfer": transfer, "file": file, "to": address,
                "reply_to": reply_to or policy.support_email, "language": language, "subject": subject,
                "text": text, "html": html, "message_id": f"<letter-{secrets.token_hex(8)}@{host}>",
                "references": f"<transfer-{transfer.public_id}@{host}>" if transfer else "",
                "written_at": now, "next_try_at": now,
            },
        )  # fmt: skip
    return len(readers)

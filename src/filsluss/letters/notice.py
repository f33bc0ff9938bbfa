"""Notices: letters to the administrators, who are no party of any transfer: a file, an alarm, abuse."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from filsluss.letters import compose, hygiene
from filsluss.letters.facts import OTHER_LANGUAGE
from filsluss.letters.markup import html_of
from filsluss.models import Alarm, Letter, Transfer, TransferFile
from filsluss.rules.directions import Role
from filsluss.rules.figures import moment_text, size_text
from filsluss.rules.policy import Policy
from filsluss.rules.tokens import digest_of

ADMINISTRATOR = "administrator"


def write_infected(file: TransferFile, *, policy: Policy, now: datetime) -> int:
    """One letter to each administrator about a file that was stopped; returns how many."""
    transfer = file.transfer
    facts = {
        "ref": transfer.public_id,
        "virus": hygiene.one_line(file.virus),
        "file_id": file.public_id,
        "size": size_text(file.size or 0, policy.language),
        "sha256": file.sha256,
        "sender_email": transfer.sender_email,
        "recipient": transfer.recipient_email,
        "link": f"{policy.base_url}/oversee/transfers/{transfer.public_id}",
    }
    key = f"file-infected:{transfer.public_id}:{file.public_id}"
    return write("file-infected", key=key, facts=facts, policy=policy, now=now, transfer=transfer, file=file)


def write_alarm(alarm: Alarm, *, policy: Policy, now: datetime) -> int:
    """One letter to each administrator about what is wrong since `alarm.since`; returns how many."""
    assert alarm.since is not None
    facts = {
        "check": alarm.name,
        "since": moment_text(alarm.since.astimezone(policy.time_zone), policy.language),
        "value": hygiene.one_line(alarm.value),
        "limit": hygiene.one_line(alarm.limit),
        "link": f"{policy.base_url}/oversee",
    }
    return write("alarm", key=f"alarm:{alarm.name}:{now:%Y%m%dT%H%M%S}", facts=facts, policy=policy, now=now)


def write_abuse(transfer: Transfer, words: str, *, role: Role, policy: Policy, now: datetime) -> int:
    """One letter to each administrator, else to support, about what a party says; returns how many."""
    facts = {
        "ref": transfer.public_id,
        "words": hygiene.quoted(words),
        "role": role.value,
        "reporter": transfer.address_of(role),
        "sender_email": transfer.sender_email,
        "recipient": transfer.recipient_email,
        "link": f"{policy.base_url}/oversee/transfers/{transfer.public_id}",
    }
    return write(
        "abuse-reported", key=f"abuse-reported:{transfer.public_id}:{now:%Y%m%dT%H%M%S%f}", facts=facts,
        policy=policy, now=now, transfer=transfer, reply_to=transfer.address_of(role),
        to=policy.admin_emails or tuple(filter(None, [policy.support_email])),
    )  # fmt: skip


def write(
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
    own = {"organisation": hygiene.one_line(policy.organisation), "other_page": other}
    subject, text = compose.rendered(f"notices/{kind}", language, {**facts, **own})
    html = html_of(
        text, heading=subject, links=[facts["link"], other], language=language,
        last_line_language=OTHER_LANGUAGE[language], look=compose.look_of(policy),
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

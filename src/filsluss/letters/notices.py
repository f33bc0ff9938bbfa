"""Notices: letters to the administrators, who are no party of any transfer: an infected file, an alarm."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from filsluss.letters import compose, sanitize
from filsluss.letters.context import OTHER_LANGUAGE
from filsluss.models import Alarm, Letter, LetterCase, Transfer, TransferFile
from filsluss.rules.formats import moment_text, size_text
from filsluss.rules.policy import Policy
from filsluss.rules.tokens import digest_of

ADMINISTRATOR = "administrator"


def write_infected(file: TransferFile, *, policy: Policy, now: datetime) -> int:
    """One letter to each administrator about a file that was stopped; returns how many."""
    transfer = file.transfer
    context = {
        **case_values(transfer, policy),
        "virus": sanitize.one_line(file.virus),
        "file_id": file.public_id,
        "size": size_text(file.size or 0, policy.language),
        "sha256": file.sha256,
    }
    key = f"file-infected:{transfer.public_id}:{file.public_id}"
    return write_notice(
        "file-infected", key=key, context=context, policy=policy, now=now, transfer=transfer, file=file
    )


def write_alarm(alarm: Alarm, *, policy: Policy, now: datetime) -> int:
    """One letter to each administrator about what is wrong since `alarm.since`; returns how many."""
    assert alarm.since is not None
    context = {
        "check": alarm.name,
        "since": moment_text(alarm.since.astimezone(policy.time_zone), policy.language),
        "value": sanitize.one_line(alarm.value),
        "limit": sanitize.one_line(alarm.limit),
        "link": f"{policy.base_url}/oversee",
    }
    key = f"alarm:{alarm.name}:{now:%Y%m%dT%H%M%S}"
    return write_notice("alarm", key=key, context=context, policy=policy, now=now)


def case_values(transfer: Transfer, policy: Policy) -> dict[str, Any]:
    """Which case, between whom, and where an administrator sees it."""
    return {
        "ref": transfer.public_id,
        "sender_email": transfer.sender.address,
        "recipient": transfer.recipient.address,
        "link": f"{policy.base_url}/oversee/transfers/{transfer.public_id}",
    }


def write_notice(
    kind: str,
    *,
    key: str,
    context: dict[str, Any],
    policy: Policy,
    now: datetime,
    transfer: Transfer | None = None,
    file: TransferFile | None = None,
    reply_to: str = "",
    to: Sequence[str] | None = None,
) -> int:
    """Queues the letter to every administrator, or to `to`, in the installation's language; returns how many.

    `context["link"]` is where the letter leads.
    """
    language = policy.language
    other = f"{context['link']}?lang={OTHER_LANGUAGE[language]}"
    own = {"organisation": sanitize.one_line(policy.organisation), "other_page": other}
    subject, text = compose.render(f"notices/{kind}", language, {**context, **own})
    readers = policy.admin_emails if to is None else to
    for address in readers:
        letter = compose.new_letter(
            kind,
            key=f"{key}:{digest_of(address)[:16]}",  # the key has less room than the longest address
            role=ADMINISTRATOR,
            to=address,
            reply_to=reply_to or policy.support_email,
            language=language,
            references=compose.references_of(transfer, policy) if transfer else "",
            policy=policy,
            now=now,
        )
        compose.set_text(letter, subject, text, links=[context["link"], other], policy=policy)
        _save_once(letter, transfer, file)
    return len(readers)


def _save_once(letter: Letter, transfer: Transfer | None, file: TransferFile | None) -> None:
    """A notice that exists already is not written again."""
    if Letter.objects.filter(key=letter.key).exists():
        return
    try:
        with transaction.atomic():
            letter.save(force_insert=True)
    except IntegrityError:  # another worker was quicker
        return
    if transfer:
        LetterCase.objects.create(letter=letter, transfer=transfer, file=file)

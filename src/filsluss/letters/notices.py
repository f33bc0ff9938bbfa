"""Notices: letters to administrators, such as about an infected file or an alarm."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from filsluss.languages import other_language
from filsluss.letters import compose, sanitize
from filsluss.letters.compose import Written
from filsluss.letters.context import list_values
from filsluss.letters.links import in_language
from filsluss.models import Alarm, Letter, LetterCase, Transfer, TransferFile
from filsluss.rules import paths
from filsluss.rules.formats import moment_text, size_text
from filsluss.rules.letter_kinds import LetterKind
from filsluss.rules.mail_links import defused_address
from filsluss.rules.permissions import StaffRole
from filsluss.rules.policy import Policy
from filsluss.rules.tokens import digest_of, draw_row_id

log = logging.getLogger(__name__)

LONGEST_SUBJECT = 60
"""Where phones cut; the organisation, which stands in From, is left out rather."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Notice:
    """A letter to administrators; `context` has its values, `context["link"]` the page that it leads to."""

    kind: LetterKind
    key: str
    context: dict[str, Any]
    transfer: Transfer | None = None
    file: TransferFile | None = None


def write_infected(file: TransferFile, *, policy: Policy, now: datetime) -> int:
    """One letter about an infected file to each administrator; returns how many."""
    transfer = file.transfer
    context = {
        **case_values(transfer, policy),
        "virus": sanitize.one_line(file.virus),
        "file_id": file.public_id,
        "size": size_text(file.size or 0, policy.language),
        "sha256": file.sha256,
    }
    key = f"{LetterKind.FILE_INFECTED}:{transfer.public_id}:{file.public_id}"
    notice = Notice(LetterKind.FILE_INFECTED, key, context, transfer, file)
    return write_notice(notice, policy=policy, now=now)


def raise_alarm(
    name: str, *, since: datetime, value: str = "", limit: str = "", policy: Policy, now: datetime
) -> None:
    """Records the condition; writes a letter when it begins (once an hour at most) and each day it lasts."""
    with transaction.atomic():
        alarm, _ = Alarm.objects.select_for_update().get_or_create(name=name)
        if alarm.since is None:
            alarm.since = since
            log.error("alarm: %s %s", name, value)
        alarm.value, alarm.limit = value[:300], limit[:100]
        since_letter = now - alarm.told_at if alarm.told_at else DAY
        if since_letter >= (DAY if alarm.is_told else HOUR):
            alarm.is_told, alarm.told_at = True, now
            write_alarm(alarm, policy=policy, now=now)
        alarm.save()


def write_alarm(alarm: Alarm, *, policy: Policy, now: datetime) -> int:
    """One letter about an alarm that is raised to each administrator; returns how many."""
    assert alarm.since is not None
    context = {
        "check": alarm.name,
        "since": moment_text(alarm.since.astimezone(policy.time_zone), policy.language),
        "value": sanitize.one_line(alarm.value),
        "limit": sanitize.one_line(alarm.limit),
        "link": f"{policy.base_url}{paths.OVERSEE.path()}",
        "pages": paths.OVERSEE.path(),
    }
    key = f"{LetterKind.ALARM}:{alarm.name}:{now:%Y%m%dT%H%M%S}"
    return write_notice(Notice(LetterKind.ALARM, key, context), policy=policy, now=now)


def write_break_glass(account: str, *, network: str, policy: Policy, now: datetime) -> int:
    """One letter to each administrator that an account of this service has signed in; returns how many."""
    context = {
        "account": sanitize.one_line(account),
        "network": network,
        "when": moment_text(now.astimezone(policy.time_zone), policy.language),
        "link": f"{policy.base_url}{paths.OVERSEE.path('security')}",
    }
    key = f"{LetterKind.BREAK_GLASS}:{draw_row_id()}"
    return write_notice(Notice(LetterKind.BREAK_GLASS, key, context), policy=policy, now=now)


def trial_letter(address: str, *, policy: Policy, now: datetime) -> Letter:
    """A letter that only shows that letters arrive; it is not saved."""
    notice = Notice(LetterKind.TRIAL, f"{LetterKind.TRIAL}:{draw_row_id()}", {"link": f"{policy.base_url}/"})
    letter = addressed(notice, address, reply_to="", policy=policy, now=now)
    compose.set_text(letter, rendered(notice, policy), policy=policy)
    return letter


def case_values(transfer: Transfer, policy: Policy) -> dict[str, Any]:
    """The transfer, its addresses, and its page for administrators."""
    return {
        "ref": transfer.public_id,
        "sender_email": defused_address(transfer.sender.address),
        "recipient": defused_address(transfer.recipient.address),
        "link": f"{policy.base_url}{paths.OVERSEE.path('transfers', transfer.public_id)}",
    }


def write_notice(
    notice: Notice, *, to: Sequence[str] | None = None, reply_to: str = "", policy: Policy, now: datetime
) -> int:
    """Queues a letter in the installation's language to every administrator, or to `to`; returns how many."""
    written = rendered(notice, policy)
    readers = policy.admin_emails if to is None else to
    for address in readers:
        letter = addressed(notice, address, reply_to=reply_to, policy=policy, now=now)
        compose.set_text(letter, written, policy=policy)
        _save_once(letter, notice)
    return len(readers)


def rendered(notice: Notice, policy: Policy) -> Written:
    """The notice in the installation's language."""
    language = policy.language
    own = list_values(language, policy)
    own["other_page"] = in_language(notice.context["link"], other_language(language, house=language))
    written = compose.render(f"notices/{notice.kind}", language, {**own, **notice.context}, policy)
    if len(written.subject) <= LONGEST_SUBJECT:
        return written
    return replace(written, subject=written.subject.removeprefix(f"[{own['organisation']}] "))


def addressed(notice: Notice, address: str, *, reply_to: str, policy: Policy, now: datetime) -> Letter:
    """A new letter to that address, not saved and without text."""
    return compose.new_letter(
        notice.kind,
        key=f"{notice.key}:{digest_of(address)[:16]}",  # an address may be longer than the column
        role=StaffRole.ADMINISTRATOR,
        to=address,
        reply_to=reply_to or policy.support_email,
        language=policy.language,
        references=compose.references_of(notice.transfer, policy) if notice.transfer else "",
        policy=policy,
        now=now,
    )


def _save_once(letter: Letter, notice: Notice) -> None:
    """Saves a notice, unless it exists."""
    if Letter.objects.filter(key=letter.key).exists():
        return
    try:
        with transaction.atomic():
            letter.save(force_insert=True)
    except IntegrityError:  # another process has saved it
        return
    if notice.transfer:
        LetterCase.objects.create(letter=letter, transfer=notice.transfer, file=notice.file)

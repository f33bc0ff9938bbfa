"""Letters about reports: of a page that cannot be used, or of the abuse of a transfer."""

import secrets
from datetime import datetime

from filsluss.languages import other_language
from filsluss.letters import links, sanitize
from filsluss.letters.compose import new_letter, render, set_text
from filsluss.letters.context import list_values
from filsluss.letters.notices import Notice, case_values, write_notice
from filsluss.models import Letter, Party, Transfer
from filsluss.rules.letter_kinds import LetterKind
from filsluss.rules.mail_links import defused_address
from filsluss.rules.policy import Policy


def write_abuse_report(transfer: Transfer, words: str, *, by: Party, policy: Policy, now: datetime) -> int:
    """One letter with a party's report to each administrator, or else to support; returns how many."""
    context = {
        **case_values(transfer, policy),
        "words": sanitize.quoted(words),
        "role": by.role,
        "reporter": defused_address(by.address),
    }
    key = f"{LetterKind.ABUSE_REPORTED}:{transfer.public_id}:{now:%Y%m%dT%H%M%S%f}"
    return write_notice(
        Notice(LetterKind.ABUSE_REPORTED, key, context, transfer),
        to=policy.admin_emails or tuple(filter(None, [policy.support_email])),
        reply_to=by.address,
        policy=policy,
        now=now,
    )


def write_accessibility_feedback(fault: str, *, reply_to: str, policy: Policy, now: datetime) -> Letter:
    """Queues the letter in the installation's language; `reply_to` may be empty."""
    language = policy.language
    other = other_language(language, house=policy.language)
    context = {
        **list_values(language, policy),
        "fault": sanitize.quoted(fault),
        "reply_to": defused_address(reply_to),
        "link": links.in_language(links.accessibility_page(policy), language),
        "other_page": links.in_language(links.accessibility_page(policy), other),
    }
    written = render(f"notices/{LetterKind.ACCESSIBILITY_REPORT}", language, context, policy)
    letter = new_letter(
        LetterKind.ACCESSIBILITY_REPORT,
        key=f"{LetterKind.ACCESSIBILITY_REPORT}:{secrets.token_hex(8)}",
        to=policy.contact_email,
        reply_to=reply_to,
        language=language,
        policy=policy,
        now=now,
    )
    set_text(letter, written, policy=policy)
    letter.save(force_insert=True)
    return letter

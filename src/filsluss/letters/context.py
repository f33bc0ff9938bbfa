"""What a letter may say: plain values drawn from the rows, cleaned for mail, in the reader's words."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from filsluss.letters import links, sanitize
from filsluss.models import Transfer, TransferFile
from filsluss.models.transfer import LinkLost
from filsluss.rules.directions import Direction, Role
from filsluss.rules.formats import date_text, moment_text, size_text
from filsluss.rules.policy import Policy

LetterContext = dict[str, Any]
OTHER_LANGUAGE = {"sv": "en", "en": "sv"}
LINKS = ("link", "code_page", "application_page", "other_page", "site")
"""The facts that are addresses of ours; nothing else in a letter is ever made a link."""


def build_context(
    kind: str,
    *,
    transfer: Transfer,
    role: Role,
    policy: Policy,
    now: datetime,
    file: TransferFile | None,
    code: str,
    files: Sequence[TransferFile],
    about: Mapping[str, str] | None,
) -> LetterContext:
    """Everything a template may name; never a row, so that nothing more can slip out."""
    undelivered = about or {}
    return {
        **case(transfer, role, policy),
        **dates(transfer, policy, now),
        **addresses(kind, transfer, role, policy, file, files),
        "file": file_facts(file, transfer, policy) if file else None,
        "files": [file_facts(each, transfer, policy) for each in known_to(role, files)],
        "code": sanitize.one_line(code),
        "lost_to": undelivered.get("address", ""),
        "lost_role": undelivered.get("role", ""),
        "why": undelivered.get("why", "refused"),
        "answer": sanitize.quoted(undelivered["error"]) if undelivered.get("error") else "",
    }


def case(transfer: Transfer, role: Role, policy: Policy) -> LetterContext:
    """Who, to whom and why. `to_reader` is whether the files are for whoever reads this."""
    return {
        "ref": transfer.public_id,
        "role": role.value,
        "organisation": sanitize.one_line(policy.organisation),
        "support": policy.support_email,
        "max_size": size_text(policy.max_file_size, transfer.language),
        "sender": sanitize.person(transfer.sender_name) or transfer.sender_email,
        "sender_email": transfer.sender_email,
        "recipient": transfer.recipient_email,
        "approver": transfer.approver_email,
        "to_reader": transfer.address_of(role) == transfer.recipient_email,
        "outbound": transfer.way is Direction.OUTBOUND,
        "through": transfer.way is Direction.THROUGH,
        "purpose": sanitize.quoted(transfer.purpose),
        "rejection_reason": sanitize.quoted(transfer.rejection_reason),
        "closed_reason": sanitize.quoted(transfer.closed_reason) if transfer.closed_reason else "",
    }


def dates(transfer: Transfer, policy: Policy, now: datetime) -> LetterContext:
    until, decided = transfer.open_until, transfer.decided_at
    return {
        "applied_on": _day(transfer.applied_at, transfer, policy),
        "decided_on": _day(decided, transfer, policy) if decided else "",
        "answer_by": date_text(policy.last_day(transfer.lapse_by), transfer.language),
        "last_day": date_text(policy.last_day(until), transfer.language) if until else "",
        "days": policy.days_left(until, decided or now) if until else 0,
        "erased_at": _moment(transfer.erased_at or now, transfer, policy),
    }


def addresses(
    kind: str,
    transfer: Transfer,
    role: Role,
    policy: Policy,
    file: TransferFile | None,
    files: Sequence[TransferFile],
) -> LetterContext:
    status = _if_derivable(lambda: links.status_link(transfer, role, policy))
    other = OTHER_LANGUAGE[transfer.language]
    return {
        "link": main_link(kind, transfer, role, policy, file or next(iter(files), None)) or status,
        "code_page": links.code_page(policy),
        "application_page": links.application_page(policy),
        "other_page": links.in_language(status or links.application_page(policy), other),
        "site": links.site(policy),
    }


def main_link(kind: str, transfer: Transfer, role: Role, policy: Policy, file: TransferFile | None) -> str:
    """The door that the letter is about; empty where it only tells. LinkLost if it cannot be made again."""
    if kind == "approved":
        return links.upload_link(transfer, policy)
    if kind in ("approval-requested", "approval-reminder"):
        return links.decide_link(transfer, policy)
    if kind == "file-ready" and file:
        return links.download_link(file, policy)
    if kind == "expiry-reminder" and role is Role.RECIPIENT and file:
        return _if_derivable(lambda: links.download_link(file, policy))
    return ""


def known_to(role: Role, files: Sequence[TransferFile]) -> list[TransferFile]:
    """Only the sender ever heard of a file that did not become ready."""
    return [file for file in files if role is Role.SENDER or file.ready_at]


def file_facts(file: TransferFile, transfer: Transfer, policy: Policy) -> LetterContext:
    fetched = file.fetched_at
    return {
        "name": sanitize.file_name(file.name),
        "size": size_text(file.size, transfer.language) if file.size is not None else "",
        "sha256": file.sha256,
        "fetched_at": _moment(fetched, transfer, policy) if fetched else "",
        "fetched_on": _day(fetched, transfer, policy) if fetched else "",
        "by_administrator": file.removed_by == "administrator",
        "removal_reason": sanitize.quoted(file.removal_reason) if file.removal_reason else "",
    }


def _if_derivable(link: Callable[[], str]) -> str:
    """A link that the letter can do without: a lost key must not keep anybody from being told."""
    try:
        return link()
    except LinkLost:
        return ""


def _day(at: datetime, transfer: Transfer, policy: Policy) -> str:
    return date_text(policy.today(at), transfer.language)


def _moment(at: datetime, transfer: Transfer, policy: Policy) -> str:
    return moment_text(at.astimezone(policy.time_zone), transfer.language)

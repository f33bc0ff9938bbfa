"""The values that a letter's template may use: taken from the rows, and sanitized for mail."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import prefetch_related_objects

from filsluss.languages import other_language
from filsluss.letters import disclosure, links, sanitize
from filsluss.models import Party, Transfer, TransferFile
from filsluss.models.batches import batches
from filsluss.models.letter import list_closes_at
from filsluss.models.link import LinkLost
from filsluss.models.pickup import first_fetch
from filsluss.rules.directions import Direction, Role
from filsluss.rules.formats import date_text, moment_text, short_date_text, size_text
from filsluss.rules.letter_kinds import LEADS_TO_AGAIN, LetterKind, traits_of
from filsluss.rules.lifecycle import ErasedBecause, State
from filsluss.rules.mail_links import defused_address
from filsluss.rules.permissions import StaffRole
from filsluss.rules.policy import Policy
from filsluss.rules.tokens import Purpose

LetterContext = dict[str, Any]
LINKS = ("link", "code_page", "again_page", "correct_page", "genuine_page", "other_page")
"""The values that are URLs of ours; nothing else in a letter becomes a link."""


@dataclass(frozen=True)
class Undelivered:
    """A letter that was not delivered: its recipient's address and role, and why.

    `why` is a `Failure` of `rules.smtp_answers` (full, unknown, refused), "expired" (tried for too long) or
    "fault" (it could not be sent at all). No letter carries a word of the mail server's answer.
    """

    address: str
    role: str
    why: str = "refused"


@dataclass(frozen=True)
class About:
    """What a letter is about: a transfer, the party who reads it, and files.

    `file` is the one file of a letter, `files` are those that it lists. `codes` are pickup codes as people
    read them, `fetched` the times of the fetches in a receipt, both by the public id of the file.
    """

    transfer: Transfer
    party: Party
    file: TransferFile | None = None
    files: Sequence[TransferFile] = ()
    codes: Mapping[str, str] = field(default_factory=dict)
    fetched: Mapping[str, datetime] = field(default_factory=dict)
    undelivered: Undelivered | None = None

    @property
    def role(self) -> Role:
        return Role(self.party.role)

    @property
    def language(self) -> str:
        return self.party.language

    def named_files(self) -> list[TransferFile]:
        """The listed files; a file that was never ready is named to the sender only."""
        return [file for file in self.files if self.role is Role.SENDER or file.ready_at]


def build_context(kind: str, about: About, *, policy: Policy, now: datetime) -> LetterContext:
    """Every value that a template may use. No row is among them, so a template can show nothing else.

    What strangers typed is empty where the reader must not get it (`disclosure`): names, addresses, purpose.
    Raises LinkLost if the link that the letter is for cannot be derived.
    """
    undelivered, files = about.undelivered or Undelivered("", ""), about.named_files()
    for batch in batches([*([about.file] if about.file else ()), *files]):
        prefetch_related_objects(batch, "pickups")
    one = [file_values(about.file, about, policy)] if about.file else []
    named = [file_values(each, about, policy) for each in files]
    return {
        **case_values(about, policy),
        **dates(about, policy, now),
        **addresses(kind, about, policy),
        "file": one[0] if one else None,
        "files": named,
        "checksums": [each for each in (*one, *named) if each["sha256"]],
        "more_files": len(named) - 1,
        "defused_names": any("[.]" in each["name"] for each in (*one, *named)),
        "code": sanitize.one_line(about.codes.get(about.file.public_id, "")) if about.file else "",
        "remained": any(each.erased_because in ("", ErasedBecause.ENDED) for each in files),
        "with_codes": bool(about.codes),
        "lost_to": _typed(defused_address(undelivered.address), about, policy),
        "lost_role": undelivered.role,
        "why": undelivered.why,
    }


def case_values(about: About, policy: Policy) -> LetterContext:
    """The transfer's own values. `to_reader`: the reader of the letter is the recipient of the files."""
    transfer, sender = about.transfer, about.transfer.sender
    return {
        "ref": transfer.public_id,
        "role": about.role.value,
        **house_values(about.language, policy),
        "max_size": size_text(policy.max_file_size, about.language),
        "sender": _typed(sanitize.person(sender.name) or sender.address, about, policy),
        "sender_email": _address(sender, about, policy),
        "recipient": _address(transfer.recipient, about, policy),
        "approver": _address(transfer.approver, about, policy),
        "to_reader": about.party.address == transfer.recipient.address,
        "outbound": transfer.way is Direction.OUTBOUND,
        "through": transfer.way is Direction.THROUGH,
        "one_letter": transfer.one_letter,
        "purpose": _typed(sanitize.quoted(transfer.purpose), about, policy),
        "rejection_reason": sanitize.quoted(transfer.rejection_reason),
        "closed_reason": sanitize.quoted(transfer.closed_reason) if transfer.closed_reason else "",
    }


def house_values(language: str, policy: Policy) -> LetterContext:
    """What every letter may say of the installation."""
    return {
        "organisation": sanitize.one_line(policy.organisation),
        "at_organisation": sanitize.one_line(policy.at_organisation(language)),
        "support": policy.support_email,
    }


def list_values(language: str, policy: Policy) -> LetterContext:
    """The values of a letter about several cases, or about none, besides those of its cases."""
    other = other_language(language, house=policy.language)
    return {
        **house_values(language, policy),
        "ref": "",
        "genuine_page": links.genuine_page(policy),
        "other_page": links.in_language(links.application_page(policy), other),
    }


def dates(about: About, policy: Policy, now: datetime) -> LetterContext:
    transfer, language = about.transfer, about.language
    until, decided, lapse_by = transfer.open_until, transfer.decided_at, transfer.lapse_by
    listed = list_closes_at(transfer) if transfer.state == State.PENDING else None
    return {
        "applied_on": _day(transfer.applied_at, language, policy),
        "decided_on": _day(decided, language, policy) if decided else "",
        "answer_by": date_text(policy.last_day(lapse_by), language) if lapse_by else "",
        "short_answer_by": short_date_text(policy.last_day(lapse_by), language) if lapse_by else "",
        "list_at": _moment(listed, language, policy) if listed else "",
        "last_day": date_text(policy.last_day(until), language) if until else "",
        "short_last_day": short_date_text(policy.last_day(until), language) if until else "",
        "days": policy.days_left(until, decided or now) if until else 0,
        "erased_at": _moment(transfer.erased_at or now, language, policy),
    }


def addresses(kind: str, about: About, policy: Policy) -> LetterContext:
    """The pages that the letter leads to. `other_page` leads to the same act, in another language."""
    application, is_to_sender = links.application_page(policy), about.role is Role.SENDER
    link, status = main_link(kind, about, policy), ""
    if is_to_sender or not link:
        status = _if_derivable(partial(links.status_link, about.party, policy))
    again, correct = links.again_page(status), links.correct_page(status)
    own = {
        "link": link or status,
        "code_page": links.code_page(policy),
        "again_page": (again if status else application) if is_to_sender else "",
        "correct_page": (correct if status else application) if is_to_sender else "",
        "genuine_page": links.genuine_page(policy, about.transfer.public_id),
    }
    act = own[act_of(kind, about)] or application
    other = other_language(about.language, house=policy.language)
    return {**own, "other_page": links.in_language(act, other)}


def act_of(kind: str, about: About) -> str:
    """The name of the value that the button of the letter leads to."""
    if about.role is not Role.SENDER:
        return "link"
    if kind == LetterKind.UNDELIVERED and about.undelivered and about.undelivered.role == Role.APPROVER:
        return "correct_page"
    leads_to_again = kind in LEADS_TO_AGAIN and not about.transfer.closed_reason
    return "again_page" if leads_to_again else "link"


def main_link(kind: str, about: About, policy: Policy) -> str:
    """The URL that the letter is for; empty if it has none of its own. Raises LinkLost."""
    file, kind_traits = about.file or next(iter(about.files), None), traits_of(kind)
    if kind_traits.link is Purpose.UPLOAD:
        return links.upload_link(about.party, policy)
    if kind_traits.link is Purpose.DECIDE:
        return links.decide_link(about.party, policy)
    if kind_traits.link is Purpose.DOWNLOAD and about.role is Role.RECIPIENT and file:
        link = partial(links.download_link, file, about.party, policy)
        return link() if kind_traits.needs_link else _if_derivable(link)
    return ""


def file_values(file: TransferFile, about: About, policy: Policy) -> LetterContext:
    language, fetched = about.language, about.fetched.get(file.public_id) or first_fetch(file)
    return {
        "name": _typed(sanitize.file_name(file.path), about, policy) or file.public_id,
        "size": size_text(file.size, language) if file.size is not None else "",
        "sha256": file.sha256,
        "code": sanitize.one_line(about.codes.get(file.public_id, "")),
        "fetched_at": _moment(fetched, language, policy) if fetched else "",
        "fetched_on": _day(fetched, language, policy) if fetched else "",
        "by_administrator": file.removed_by == StaffRole.ADMINISTRATOR,
        "erased_because": file.erased_because,
        "removal_code": file.removal_code,
        "removal_reason": sanitize.quoted(file.removal_reason) if file.removal_reason else "",
    }


def _typed(text: str, about: About, policy: Policy) -> str:
    """What the sender of the transfer typed; empty if the reader must not get it."""
    return text if disclosure.may_carry_words(about.transfer, about.party, policy) else ""


def _address(party: Party | None, about: About, policy: Policy) -> str:
    """The address of a party as the reader may see it; empty if they must not, or if there is no party."""
    if party is None or not disclosure.may_show_address(party, about.transfer, about.party, policy):
        return ""
    return defused_address(party.address)


def _if_derivable(link: Callable[[], str]) -> str:
    """The link, or an empty string if no key derives it: the letter is useful without it."""
    try:
        return link()
    except LinkLost:
        return ""


def _day(at: datetime, language: str, policy: Policy) -> str:
    return date_text(policy.today(at), language)


def _moment(at: datetime, language: str, policy: Policy) -> str:
    return moment_text(at.astimezone(policy.time_zone), language)

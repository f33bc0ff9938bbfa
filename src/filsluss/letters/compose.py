"""Compose: writes a letter as a row of the outbox, in the transaction of what it tells."""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.db.models import CharField
from django.template import Context, Engine

from filsluss.languages import LANGUAGES, other_language
from filsluss.letters import disclosure
from filsluss.letters.context import (
    LINKS,
    About,
    LetterContext,
    Undelivered,
    build_context,
    list_values,
)
from filsluss.letters.html import LOGO_HEIGHT, LetterStyle, OwnLinks, render_html
from filsluss.letters.links import in_language
from filsluss.letters.verbatim import marked, without_marks
from filsluss.models import Letter, LetterCase, Transfer, TransferFile
from filsluss.models.batches import batches
from filsluss.models.compiled_queries import CompiledQuery, Param
from filsluss.models.letter import BLANK, NEW_CASE, NEW_LETTER, Delivery
from filsluss.rules.contrast import light_shades
from filsluss.rules.directions import Role
from filsluss.rules.letter_kinds import traits_of
from filsluss.rules.permissions import StaffRole
from filsluss.rules.policy import Policy
from filsluss.rules.tokens import draw_row_id

BY_KEY = CompiledQuery(lambda: Letter.objects.filter(key=Param("key", CharField())).values_list("pk"))
REFERENCE = re.compile(r" \([2-9A-Z]{4}-[2-9A-Z]{4}\)$")


@dataclass(frozen=True)
class Written:
    """What a template says. `text` has the marks of `verbatim` around what is not to be translated."""

    subject: str
    preview: str
    text: str
    links: OwnLinks


def write(
    kind: str,
    *,
    transfer: Transfer,
    role: Role,
    policy: Policy,
    now: datetime,
    file: TransferFile | None = None,
    codes: Mapping[str, str] | None = None,
    files: Sequence[TransferFile] = (),
    undelivered: Undelivered | None = None,
) -> Letter | None:
    """Queues the letter of that kind to that role; None if nobody has the role, or is not told of this.

    A letter that exists already is returned. See `About` for the other arguments. Raises LinkLost if
    the link that the letter is for cannot be derived.
    """
    party = transfer.party(role)
    if party is None or not party.address or not disclosure.is_told(kind, role, transfer, file):
        return None
    about = About(transfer, party, file, files, codes or {}, undelivered=undelivered)
    key = key_of(kind, about)
    for (found,) in BY_KEY.rows(key=key):
        return Letter.objects.get(pk=found)
    letter = drafted(kind, about, key=key, policy=policy, now=now)
    letter.save(force_insert=True)
    LetterCase.objects.create(letter=letter, transfer=transfer, party=party, file=file)
    return letter


def write_all(kind: str, abouts: Sequence[About], *, policy: Policy, now: datetime) -> int:
    """Queues what `write` would for each of these, by a few statements; returns how many letters are new.

    Raises LinkLost, and queues none, if the link of one cannot be derived.
    """
    named = {
        key_of(kind, about): about
        for about in abouts
        if about.party.address and disclosure.is_told(kind, about.role, about.transfer, about.file)
    }
    for batch in batches(list(named)):
        for key in Letter.objects.filter(key__in=batch).values_list("key", flat=True):
            del named[key]
    letters = [drafted(kind, about, key=key, policy=policy, now=now) for key, about in named.items()]
    rows = [{name: getattr(letter, name) for name in NEW_LETTER.given} for letter in letters]
    cases = [
        {
            "letter_id": letter,
            "transfer_id": about.transfer.pk,
            "party_id": about.party.pk,
            "file_id": about.file.pk if about.file else None,
        }
        for letter, about in zip(NEW_LETTER.insert_all(rows), named.values(), strict=True)
    ]
    return len(NEW_CASE.insert_all(cases))


def drafted(kind: str, about: About, *, key: str, policy: Policy, now: datetime) -> Letter:
    """The whole letter, not saved; raises LinkLost."""
    letter = addressed(kind, about, key=key, policy=policy, now=now)
    fill(letter, about, policy=policy, now=now)
    hold_back(letter, about.transfer)
    return letter


def hold_back(letter: Letter, transfer: Transfer) -> None:
    """A new letter about a blocked application leaves to its sender only; it takes as long to write."""
    if transfer.is_blocked and letter.role != Role.SENDER:
        letter.delivery = Delivery.WITHDRAWN
        for name, value in BLANK.items():
            setattr(letter, name, value)


def addressed(kind: str, about: About, *, key: str, policy: Policy, now: datetime) -> Letter:
    """A new letter to the party, not saved and without text."""
    return new_letter(
        kind,
        key=key,
        role=about.role.value,
        to=about.party.address,
        reply_to=reply_to(kind, about, policy),
        language=about.language,
        references=references_of(about.transfer, policy),
        policy=policy,
        now=now,
    )


def new_letter(kind: str, *, key: str, policy: Policy, now: datetime, **fields: Any) -> Letter:
    """A new letter of that kind with the fields that every letter has, not saved."""
    host = policy.mail_from.partition("@")[2]
    return Letter(
        public_id=draw_row_id(),
        key=key,
        kind=kind,
        priority=0 if traits_of(kind).is_urgent else 1,
        message_id=f"<letter-{secrets.token_hex(8)}@{host}>",
        written_at=now,
        next_try_at=now,
        **fields,
    )


def references_of(transfer: Transfer, policy: Policy) -> str:
    """`References` by which mail programs group the letters of a transfer (RFC 5322, 3.6.4)."""
    return f"<transfer-{transfer.public_id}@{policy.mail_from.partition('@')[2]}>"


def fill(letter: Letter, about: About, *, policy: Policy, now: datetime) -> None:
    """Sets subject, text and HTML; raises LinkLost."""
    context = build_context(letter.kind, about, policy=policy, now=now)
    set_text(letter, render(letter.kind, letter.language, context, policy), policy=policy)


def set_text(letter: Letter, written: Written, *, policy: Policy) -> None:
    """Sets the subject, the text, and the HTML made from the text."""
    letter.subject, letter.text = written.subject, without_marks(written.text)
    letter.html = render_html(
        written.text,
        heading=REFERENCE.sub("", written.subject),
        preview=written.preview,
        links=written.links,
        language=letter.language,
        look=style_of(policy),
    )


def set_list(letter: Letter, name: str, cases: Sequence[Mapping[str, Any]], *, policy: Policy) -> None:
    """Sets subject, text and HTML of a letter about several cases, each with its `link`.

    `name`: what the template calls them.
    """
    other = other_language(letter.language, house=policy.language)
    values = {
        **list_values(letter.language, policy),
        name: cases,
        "other_page": in_language(cases[0]["link"], other),
    }
    set_text(letter, render(letter.kind, letter.language, values, policy), policy=policy)


def style_of(policy: Policy) -> LetterStyle:
    """The organisation's branding for mail programs, which do not show SVG."""
    brand = light_shades(policy.accent).brand if policy.accent else LetterStyle.brand
    logo = policy.logo if policy.logo and policy.logo.kind == "png" else None
    width = logo.width_at(LOGO_HEIGHT) if logo else 0
    return LetterStyle(brand, width, policy.organisation)


def key_of(kind: str, about: About) -> str:
    """What identifies the letter, so that it is written once."""
    undelivered = f":{about.undelivered.role}" if about.undelivered else ""
    file = about.file.public_id if about.file else "-"
    return f"{kind}:{about.transfer.public_id}:{file}:{about.role.value}{undelivered}"


def reply_to(kind: str, about: About, policy: Policy) -> str:
    """Who gets replies: the other party, or support if the service or an administrator acted.

    Support, too, if the reader must not see the other party's address.
    """
    transfer = about.transfer
    by_administrator = about.file is not None and about.file.removed_by == StaffRole.ADMINISTRATOR
    if transfer.closed_reason or by_administrator:
        return policy.support_email
    role = traits_of(kind).replies.get(about.role)
    other = transfer.party(role) if role else None
    if other is None or not disclosure.may_show_address(other, transfer, about.party, policy):
        return policy.support_email
    return other.address


def render(template: str, language: str, context: LetterContext, policy: Policy) -> Written:
    """The letter of that template, whose first lines are its subject and its preview.

    After its greeting follows the line that leads to the same in another language. Untrusted text is only
    ever a value of the template, never template source.
    """
    source = engine().get_template(f"{language}/{template}.txt")
    rendered = source.render(Context(marked(context), autoescape=False))
    head, _, body = rendered.partition("\n\n")
    subject, _, preview = without_marks(head).partition("\n")
    code = other_language(language, house=policy.language)
    greeting, _, rest = body.strip("\n").partition("\n\n")
    text = f"{greeting}\n\n{LANGUAGES[code].switch}: {context['other_page']}\n\n{rest}"
    text = "\n".join(line.rstrip(" ") for line in text.split("\n"))
    return Written(
        subject=subject.strip().removeprefix("Subject: ").replace("\u00a0", " "),  # ASCII needs no encoding
        preview=preview.strip().removeprefix("Preview:").strip(),
        text=re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n",
        links=OwnLinks(links_in(context), context["other_page"], code),
    )


def links_in(context: Mapping[str, Any]) -> list[str]:
    """The URLs of ours among the values, also within those of several cases."""
    own = [context[name] for name in LINKS if context.get(name)]
    lists = [each for value in context.values() if isinstance(value, list) for each in value]
    return own + [each["link"] for each in lists if isinstance(each, Mapping) and each.get("link")]


@cache
def engine() -> Engine:
    """An engine for letters only, without context processors; an unknown name is rendered in braces."""
    folder = Path(__file__).parents[1] / "templates" / "letters"
    return Engine(dirs=[str(folder)], autoescape=False, string_if_invalid="{%s}")

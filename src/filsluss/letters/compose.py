"""Compose: a letter is written whole, in the transaction of what it tells, and waits for the postman."""

import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path

from django.template import Context, Engine

from filsluss.letters import context as letter_facts
from filsluss.letters.html import LOGO_HEIGHT, LetterStyle, render_html
from filsluss.models import Letter, Transfer, TransferFile
from filsluss.rules.contrast import light_shades
from filsluss.rules.directions import Role
from filsluss.rules.policy import Policy

ABOUT_THE_APPROVER = ("approved", "rejected", "lapsed")
"""Letters to the sender that a reply to the approver may answer."""


def write(
    kind: str,
    *,
    transfer: Transfer,
    role: Role,
    policy: Policy,
    now: datetime,
    file: TransferFile | None = None,
    code: str = "",
    files: Sequence[TransferFile] = (),
    about: Mapping[str, str] | None = None,
) -> Letter | None:
    """Queues the letter of that kind to that role; None if nobody has the role on this way.

    A letter that exists already is not written again. `files` are those of a list: erased, or still to
    be fetched. `about` tells of a letter that did not arrive: address, role, error, and why ("refused",
    "expired", "fault"). Raises LinkLost if the one link the letter is for cannot be made again.
    """
    address = transfer.address_of(role)
    if not address:
        return None
    facts = letter_facts.build_context(
        kind, transfer=transfer, role=role, policy=policy, now=now,
        file=file, code=code, files=files, about=about,
    )  # fmt: skip
    subject, text = render(kind, transfer.language, facts)
    host = policy.mail_from.partition("@")[2]
    letter, _ = Letter.objects.get_or_create(
        key=key_of(kind, transfer, role, file, about),
        defaults={
            "kind": kind,
            "role": role.value,
            "transfer": transfer,
            "file": file,
            "to": address,
            "reply_to": reply_to(kind, transfer, role, policy, file),
            "language": transfer.language,
            "subject": subject,
            "text": text,
            "html": render_html(
                text,
                heading=subject.removesuffix(f" ({transfer.public_id})"),
                links=[facts[name] for name in letter_facts.LINKS if facts[name]],
                language=transfer.language,
                last_line_language=letter_facts.OTHER_LANGUAGE[transfer.language],
                look=style_of(policy),
            ),
            "message_id": f"<letter-{secrets.token_hex(8)}@{host}>",
            "references": f"<transfer-{transfer.public_id}@{host}>",
            "written_at": now,
            "next_try_at": now,
        },
    )
    return letter


def style_of(policy: Policy) -> LetterStyle:
    """The organisation's dress as mail programs can show it: they draw no SVG."""
    brand = light_shades(policy.accent).brand if policy.accent else LetterStyle.brand
    picture = policy.logo if policy.logo and policy.logo.kind == "png" else None
    width = picture.width_at(LOGO_HEIGHT) if picture else 0
    return LetterStyle(brand, width, policy.organisation)


def key_of(
    kind: str,
    transfer: Transfer,
    role: Role,
    file: TransferFile | None,
    about: Mapping[str, str] | None,
) -> str:
    """What makes it the same letter; one that tells of another letter is also named for that one's reader."""
    lost = f":{about['role']}" if about else ""
    return f"{kind}:{transfer.public_id}:{file.public_id if file else '-'}:{role.value}{lost}"


def reply_to(kind: str, transfer: Transfer, role: Role, policy: Policy, file: TransferFile | None) -> str:
    """Whom an answer reaches: the person the letter is about, or support where the house itself acted."""
    by_the_house = transfer.closed_reason or (file is not None and file.removed_by == "administrator")
    if by_the_house:
        return policy.support_email
    if role is not Role.SENDER:
        return transfer.sender_email
    if kind in ABOUT_THE_APPROVER and transfer.approver_email:
        return transfer.approver_email
    return policy.support_email


def render(kind: str, language: str, facts: letter_facts.LetterContext) -> tuple[str, str]:
    """Subject and text. Foreign text is only ever a value of the template, never a part of it."""
    page = engine().get_template(f"{language}/{kind}.txt").render(Context(facts, autoescape=False))
    head, _, body = page.partition("\n\n")
    text = "\n".join(line.rstrip(" ") for line in body.split("\n"))
    return head.strip().removeprefix("Subject: "), re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"


@cache
def engine() -> Engine:
    """Templates of their own, without context processors; a name that means nothing shows in braces."""
    folder = Path(__file__).parents[1] / "templates" / "letters"
    return Engine(dirs=[str(folder)], autoescape=False, string_if_invalid="{%s}")

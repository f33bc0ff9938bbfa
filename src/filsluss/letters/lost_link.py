"""The letter with the links of a mailbox's own live cases, each for what its reader can do there now."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from filsluss.letters import compose, context, links
from filsluss.letters.context import About
from filsluss.models import Letter, LetterCase, Party
from filsluss.models.link import LinkLost
from filsluss.rules.directions import Role
from filsluss.rules.letter_kinds import LetterKind
from filsluss.rules.policy import Policy
from filsluss.rules.tokens import draw_row_id

MOST_CASES = 20
"""So many cases stand in one letter, the newest first."""


def write(parties: Sequence[Party], *, policy: Policy, now: datetime) -> Letter | None:
    """Queues one letter to the parties, who have one address; None if no link of theirs leads anywhere."""
    told: dict[int, tuple[Party, dict[str, Any]]] = {}
    for party in parties:
        act, link = _act_of(party, policy, now)
        known = told.get(party.transfer_id)
        if act and (known is None or known[1]["act"] == "status"):
            told[party.transfer_id] = party, {"act": act, "link": link}
    entries = list(told.values())[:MOST_CASES]
    if not entries:
        return None
    reader = entries[0][0]
    letter = compose.new_letter(
        LetterKind.LOST_LINK,
        key=f"{LetterKind.LOST_LINK}:{draw_row_id()}",
        role=reader.role,
        to=reader.address,
        reply_to=policy.support_email,
        language=reader.language,
        policy=policy,
        now=now,
    )
    _fill(letter, entries, policy=policy, now=now)
    letter.save(force_insert=True)
    LetterCase.objects.bulk_create(
        LetterCase(letter=letter, transfer=party.transfer, party=party) for party, _ in entries
    )
    return letter


def _act_of(party: Party, policy: Policy, now: datetime) -> tuple[str, str]:
    """What the party can do in the case now, and the link for it; two empty texts if nothing.

    A recipient is told of a case only when a file is ready, an approver only when they have been asked.
    """
    transfer, role = party.transfer, Role(party.role)
    try:
        if transfer.is_undecided_at(now):
            if role is Role.SENDER:
                return "status", links.status_link(party, policy)
            asked = role is Role.APPROVER and transfer.asked_at is not None
            return ("decide", links.decide_link(party, policy)) if asked else ("", "")
        if not transfer.is_open_at(now):
            return "", ""
        if role is Role.SENDER:
            return "upload", links.upload_link(party, policy)
        if role is Role.APPROVER:
            return "status", links.status_link(party, policy)
        file = transfer.files.ready().first()
        return ("download", links.download_link(file, party, policy)) if file else ("", "")
    except LinkLost:
        return "", ""


def _fill(
    letter: Letter, entries: Sequence[tuple[Party, dict[str, Any]]], *, policy: Policy, now: datetime
) -> None:
    """Sets subject, text and HTML."""
    cases = []
    for party, act in entries:
        party.language = letter.language
        about = About(party.transfer, party)
        cases.append({**context.case_values(about, policy), **context.dates(about, policy, now), **act})
    compose.set_list(letter, "cases", cases, policy=policy)

"""Lists of requests: one letter to an approver whose mailbox already has many undecided requests."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from filsluss.letters import collecting, compose, context, links
from filsluss.letters.context import About
from filsluss.letters.each_row import each_row
from filsluss.models import Letter, LetterCase, Link, Party, Transfer
from filsluss.models.batches import MOST_NAMES, batches
from filsluss.models.letter import BLANK, Delivery
from filsluss.models.link import LinkLost
from filsluss.rules.letter_kinds import LetterKind
from filsluss.rules.policy import Policy
from filsluss.rules.tokens import Purpose, draw_row_id

FIRST_WAIT = 16
"""A first list closes after this fraction of the time between two lists: after 15 minutes of 4 hours."""


MOST_REQUESTS = 100
"""In one list: mail programs cut off a longer one. The others come in the next."""


def collect(transfer: Transfer, *, policy: Policy, now: datetime) -> None:
    """Adds an undecided request to the next list of its approver's mailbox, however that was spelt."""
    approver = transfer.approver
    assert approver is not None, f"{transfer.public_id} has no approver"
    letter = next_list(approver, policy=policy, now=now)
    LetterCase.objects.get_or_create(letter=letter, transfer=transfer, party=approver, file=None)


def next_list(approver: Party, *, policy: Policy, now: datetime) -> Letter:
    """The list that collects for the mailbox of that approver, locked; a new one if needed."""
    mailbox = approver.canonical
    draft = compose.new_letter(
        LetterKind.APPROVALS_REQUESTED,
        key=f"{LetterKind.APPROVALS_REQUESTED}:{draw_row_id()}",
        role=approver.role,
        to=mailbox,
        reply_to=policy.support_email,
        language=policy.language,
        policy=policy,
        now=now,
    )
    return collecting.found_or_new(
        draft,
        collects=f"{LetterKind.APPROVALS_REQUESTED}:{mailbox}",
        closes_at=next_close(mailbox, policy=policy, now=now),
    )


def next_close(mailbox: str, *, policy: Policy, now: datetime) -> datetime:
    """When the next list to that mailbox closes: at least `policy.list_interval` after the one before."""
    soon = now + policy.list_interval / FIRST_WAIT
    earlier = Letter.objects.filter(to=mailbox, kind=LetterKind.APPROVALS_REQUESTED)
    closed = earlier.exclude(delivery__in=(Delivery.COLLECTING, Delivery.WITHDRAWN))
    last = closed.order_by("-written_at").values_list("written_at", flat=True).first()
    return max(soon, last + policy.list_interval) if last else soon


def close_lists(*, policy: Policy, now: datetime) -> int:
    """Closes the lists that are due; returns how many."""
    due = Letter.objects.closing_at(now, within=policy.list_interval)
    due = due.filter(kind=LetterKind.APPROVALS_REQUESTED)
    return each_row(
        "close lists of requests",
        due.order_by("next_try_at", "id"),
        lambda letter: close(letter, policy=policy, now=now),
        policy=policy,
        now=now,
    )


def close_due(*, policy: Policy, now: datetime) -> int:
    """Closes all letters that are due: about files, about fetches, and lists; returns how many."""
    return collecting.close_due(policy=policy, now=now) + close_lists(policy=policy, now=now)


def close(letter: Letter, *, policy: Policy, now: datetime) -> bool:
    """Queues the list with the requests that are still undecided; without any it is withdrawn.

    The oldest MOST_REQUESTS are on it, the others on the next. The time to answer counts from now for those
    who were not asked before. Blocked ones are not on it, but their time counts, too. False if it was
    closed before, or if a request was added at this moment.
    """
    with transaction.atomic():
        # Transfers first, as every step does, so that two transactions never wait for each other.
        named = Transfer.objects.filter(letter_cases__letter=letter).order_by("pk")
        locked = {row.pk for row in named.select_for_update(of=("self",), no_key=True)}
        collects = Letter.objects.collecting().filter(pk=letter.pk).select_for_update().first()
        if collects is None:
            return False
        cases = list(
            collects.cases.select_related("transfer", "party")
            .prefetch_related("transfer__parties")
            .order_by("id")
            .iterator(chunk_size=MOST_NAMES)
        )
        if {case.transfer_id for case in cases} - locked:
            return False
        undecided = [case for case in cases if case.transfer.is_undecided_at(now)]
        silent = [case for case in undecided if case.transfer.is_blocked]
        _ask([case.transfer for case in silent], policy=policy, now=now)
        undecided = [case for case in undecided if case not in silent]
        if not undecided:
            Letter.objects.filter(pk=collects.pk).update(delivery=Delivery.WITHDRAWN, **BLANK)
            return True
        for batch in batches(case.pk for case in cases if case not in undecided):
            collects.cases.filter(pk__in=batch).delete()
        told, later = undecided[:MOST_REQUESTS], undecided[MOST_REQUESTS:]
        _ask([case.transfer for case in told], policy=policy, now=now)
        fill(collects, told, policy=policy, now=now)
        collects.delivery, collects.next_try_at, collects.written_at = Delivery.QUEUED, now, now
        collects.save(update_fields=["subject", "text", "html", "delivery", "next_try_at", "written_at"])
        _put_on_next(later, policy=policy, now=now)
    return True


def _put_on_next(cases: Sequence[LetterCase], *, policy: Policy, now: datetime) -> None:
    """Moves requests that had no place on a list, which is queued by now, to the next one of that mailbox."""
    if not cases:
        return
    approver = cases[0].party
    assert approver is not None
    approver.transfer = cases[0].transfer
    letter = next_list(approver, policy=policy, now=now)
    for batch in batches(case.pk for case in cases):
        LetterCase.objects.filter(pk__in=batch).update(letter=letter)


def _ask(transfers: Sequence[Transfer], *, policy: Policy, now: datetime) -> None:
    """Records that the approver is asked now, unless they were before."""
    first = [transfer for transfer in transfers if transfer.asked_at is None]
    for transfer in first:
        transfer.asked_at, transfer.lapse_by = now, policy.end_of(now, policy.decision_days)
    Transfer.objects.bulk_update(first, ["asked_at", "lapse_by"], batch_size=500)


def fill(letter: Letter, cases: Sequence[LetterCase], *, policy: Policy, now: datetime) -> None:
    """Sets subject, text and HTML from the requests of these cases."""
    requests = [_request(case, letter.language, policy=policy, now=now) for case in cases]
    compose.set_list(letter, "requests", requests, policy=policy)


def _request(case: LetterCase, language: str, *, policy: Policy, now: datetime) -> dict[str, Any]:
    """The values of one request, in the language of the list."""
    party = case.party
    assert party is not None
    party.transfer, party.language = case.transfer, language
    about = About(case.transfer, party)
    values = context.case_values(about, policy) | context.dates(about, policy, now)
    return {**values, "link": _decide_link(party, policy=policy, now=now)}


def _decide_link(approver: Party, *, policy: Policy, now: datetime) -> str:
    """The approver's link; a new one if no key derives the old one, so that nobody else on the list waits."""
    try:
        return links.decide_link(approver, policy)
    except LinkLost:
        Link.draw(Purpose.DECIDE, key=policy.link_keys[0], party=approver, now=now).save()
        return links.decide_link(approver, policy)


def leave(transfer: Transfer, *, now: datetime) -> None:
    """Has the unsent lists that name a decided request rendered again without it.

    Called in the transaction of the decision. A process that has claimed the letter loses its claim.
    """
    for letter in Letter.objects.queued().filter(kind=LetterKind.APPROVALS_REQUESTED).about(transfer):
        collects = collecting.collect_again(letter, now=now)
        if collects is None:
            continue
        collected = collects.cases.values("transfer")
        letter.cases.exclude(transfer__in=collected).update(letter=collects)
        letter.cases.all().delete()
        Letter.objects.filter(pk=letter.pk).update(delivery=Delivery.WITHDRAWN, **BLANK)
        Letter.objects.filter(pk=collects.pk).update(next_try_at=now)

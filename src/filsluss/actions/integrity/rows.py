"""Rows against each other: each state was reached by its step, and each letter due was written once."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from filsluss.actions import completion, erasure, expiry, scan, upload_probe, withholding
from filsluss.actions.integrity.findings import Finding, Repair, World
from filsluss.letters import request_lists
from filsluss.models import AuditEntry, LetterCase, Link, Party, Pickup, Transfer, TransferFile
from filsluss.models.batches import by_key, rows_of
from filsluss.models.letter import Delivery
from filsluss.models.link import FILE_PURPOSES, STATUS_PURPOSE
from filsluss.rules.directions import Role
from filsluss.rules.letter_kinds import LetterKind
from filsluss.rules.lifecycle import (
    APPROVED,
    ERASED,
    FILE_STEPS_ONCE,
    LAPSED,
    STEPS,
    TAKEN_BACK,
    FileState,
    State,
)

DECISIONS = tuple(step.name for step in STEPS if step.source is State.PENDING)
REACHED_BY = {
    State.OPEN: (APPROVED.name, "decided_at"),
    State.LAPSED: (LAPSED.name, "over_at"),
    State.WITHDRAWN: (TAKEN_BACK.name, "over_at"),
    State.CLOSED: (ERASED.name, "over_at"),
}
"""The step that leads to a state, and the column with its time."""


def parties(world: World) -> Iterator[Finding]:
    """I14: each transfer has a sender and a recipient, and an approver if one was asked."""
    for role in (Role.SENDER, Role.RECIPIENT):
        present = Party.objects.filter(transfer=OuterRef("pk"), role=role)
        probes = Q(purpose=upload_probe.PURPOSE)
        for transfer in Transfer.objects.filter(~Exists(present), world.changing()).exclude(probes):
            yield Finding("I14", f"transfer {transfer.public_id} has no {role}")
    approver = Party.objects.filter(transfer=OuterRef("pk"), role=Role.APPROVER)
    for transfer in Transfer.objects.filter(~Exists(approver), world.changing(), asked_at__isnull=False):
        yield Finding("I14", f"transfer {transfer.public_id} was sent for approval, but has no approver")


def links(world: World) -> Iterator[Finding]:
    """I14: each party has a status link, and each recipient of a file the links that open it."""
    for role, purpose in STATUS_PURPOSE.items():
        own = Link.objects.filter(party=OuterRef("pk"), purpose=purpose)
        missing = Party.objects.filter(~Exists(own), world.changing("transfer__"), role=role).exclude(
            transfer__purpose=upload_probe.PURPOSE
        )
        for party in missing.select_related("transfer"):
            yield Finding("I14", f"transfer {party.transfer.public_id}: its {role} has no status link")
    for purpose in FILE_PURPOSES:
        own = Link.objects.filter(file=OuterRef("file"), party=OuterRef("party"), purpose=purpose)
        unopened = Pickup.objects.filter(~Exists(own), world.changing("file__transfer__"))
        for pickup in unopened.select_related("file"):
            yield Finding("I14", f"file {pickup.file.public_id}: a recipient has no {purpose} link")


def decided_once(world: World) -> Iterator[Finding]:
    """I6: at most one decision on an application."""
    for public_id, _ in _repeated(world, Q(step__in=DECISIONS), "transfer_public_id"):
        yield Finding("I6", f"transfer {public_id} was decided more than once")


def each_step_once(world: World) -> Iterator[Finding]:
    """I13: at most one audit entry for a step that can be taken only once."""
    steps = Q(step__in=[step.name for step in STEPS], file_public_id="")
    for public_id, step in _repeated(world, steps, "transfer_public_id", "step"):
        yield Finding("I13", f"transfer {public_id} took the step {step} more than once")
    steps = Q(step__in=FILE_STEPS_ONCE)
    for public_id, step in _repeated(world, steps, "file_public_id", "step"):
        yield Finding("I13", f"file {public_id} took the step {step} more than once")


def _repeated(world: World, entries: Q, *by: str) -> Iterator[tuple[str, str]]:
    """The first and the last of the columns `by` of entries that agree in all of them, once each."""
    trail = AuditEntry.objects.filter(entries)
    if world.since is not None:
        # Only the cases that have an entry since then, by their index, instead of the whole trail.
        recent = trail.filter(at__gte=world.since).order_by().values("transfer_public_id")
        trail = trail.filter(transfer_public_id__in=recent)
    for group in trail.order_by().values_list(*by).annotate(count=Count("pk")).filter(count__gt=1):
        yield group[0], group[-2]


def each_state_by_its_step(world: World) -> Iterator[Finding]:
    """I13: a state was reached by its step, as far back as the audit trail is kept."""
    kept_since = world.now - timedelta(days=world.services.policy.audit_days)
    for state, (step, time) in REACHED_BY.items():
        recorded = AuditEntry.objects.filter(transfer_public_id=OuterRef("public_id"), step=step)
        recent = Transfer.objects.filter(~Exists(recorded), world.changing(), state=state)
        for transfer in recent.filter(**{f"{time}__gt": kept_since}):
            what = f"transfer {transfer.public_id} is {state}, but its audit trail has no step {step}"
            yield Finding("I13", what)
    entries = AuditEntry.objects.filter(transfer_public_id=OuterRef("transfer__public_id"))
    erased = entries.filter(step="file-erased", file_public_id=OuterRef("public_id"))
    unrecorded = TransferFile.objects.filter(~Exists(erased), world.changing("transfer__"))
    for file in unrecorded.filter(erased_at__gt=kept_since):
        yield Finding("I13", f"file {file.public_id} is erased, but the audit trail has no step file-erased")


def closed_is_empty(world: World) -> Iterator[Finding]:
    """I8: a closed transfer has neither bytes nor codes, and each party was told of its end once."""
    left = TransferFile.objects.filter(transfer__state=State.CLOSED).exclude(state=FileState.ERASED)
    for file in left:
        yield Finding("I8", f"file {file.public_id} is {file.state}, but its transfer is closed")
    codes = Pickup.objects.filter(world.changing("file__transfer__"), file__state=FileState.ERASED)
    for pickup in codes.exclude(code_digest=None, code_sealed="").select_related("file"):
        yield Finding("I8", f"file {pickup.file.public_id} is erased, but its code is still stored")
    for public_id, told in wrongly_told(Transfer.objects.filter(world.changing(), state=State.CLOSED)):
        yield Finding("I8", f"transfer {public_id}: {told} letters tell of its end")


def wrongly_told(closed: QuerySet[Transfer]) -> Iterable[tuple[str, int]]:
    """The public id and the number of letters of those with more or fewer about their end than addresses.

    Recipients for whom no file was ever ready are not told; by an earlier version they were.
    """
    letters = LetterCase.objects.filter(
        transfer=OuterRef("pk"), letter__kind=LetterKind.ERASED, letter__again_of=None
    )
    parties = Party.objects.filter(transfer=OuterRef("pk"), role__in=ERASED.told).exclude(address="")
    told = _count(letters, Count("pk"))
    everybody = _count(parties, Count("address", distinct=True))
    others = _count(parties.exclude(role=Role.RECIPIENT), Count("address", distinct=True))
    ready = TransferFile.objects.once_ready().filter(transfer=OuterRef("pk"))
    counted = closed.annotate(told=told, everybody=everybody, others=others)
    wrong = counted.exclude(told=F("everybody")).exclude(~Exists(ready), told=F("others"))
    return wrong.values_list("public_id", "told")


def _count(rows: QuerySet[Any], count: Count) -> Coalesce:
    """How many rows of a transfer there are, as a subquery."""
    counted = rows.order_by().values("transfer").annotate(count=count).values("count")
    return Coalesce(Subquery(counted), 0)


def late(world: World) -> Iterator[Finding]:
    """I8 and I11: transfers whose time is over were ended, closed or lapsed within SETTLED."""
    for transfer in Transfer.objects.over_at(world.settled):
        what = f"transfer {transfer.public_id}: its time is over, but it was not ended"
        yield Finding("I8", what, lambda: end(world))
    for transfer in Transfer.objects.filter(state=State.CLOSING, ended_at__lte=world.settled):
        what = f"transfer {transfer.public_id} was ended, but not closed"
        yield Finding("I8", what, lambda: end(world))
    for transfer in Transfer.objects.undecided_at(world.settled):
        what = f"transfer {transfer.public_id}: its time to be decided is over, but it has not lapsed"
        yield Finding("I11", what, partial(expiry.lapse_undecided, services=world.services, now=world.now))


def end(world: World) -> None:
    """Runs what the worker's jobs do when the time of a transfer is over."""
    expiry.end_accounts(services=world.services, now=world.now)
    erasure.erase_files(services=world.services, now=world.now)


def unasked(world: World) -> Iterator[Finding]:
    """I11: an application whose approver has not been asked waits on a list."""
    listed = LetterCase.objects.filter(
        transfer=OuterRef("pk"),
        letter__kind=LetterKind.APPROVALS_REQUESTED,
        letter__delivery=Delivery.COLLECTING,
    )
    waiting = Transfer.objects.filter(~Exists(listed), state=State.PENDING, asked_at=None, lapse_by=None)
    for transfer in waiting:
        again = partial(request_lists.collect, transfer, policy=world.services.policy, now=world.now)
        yield Finding("I11", f"transfer {transfer.public_id}: its approver is on no list to be asked", again)


def stuck(world: World) -> Iterator[Finding]:
    """I11: no row stays in a transient state."""
    for transfer in Transfer.objects.filter(state=State.NEW):
        yield Finding("I11", f"transfer {transfer.public_id} is new: its application was not completed")
    idle = TransferFile.objects.filter(received_at__lte=world.settled, transfer__state=State.OPEN)
    for file in idle.filter(state=FileState.RECEIVED):
        what = f"file {file.public_id} was received, but not made ready"
        yield Finding("I11", what, make_ready(world))
    for file in idle.filter(state=FileState.SCANNING, scan_again_at__lte=world.settled):
        yield Finding("I11", f"file {file.public_id}: its scan was not finished")
    withheld = TransferFile.objects.filter(state=FileState.WITHHELD)
    for file in withheld.exclude(withheld_until__gt=world.settled):
        erase = partial(withholding.end_withheld, services=world.services, now=world.now)
        yield Finding("I11", f"file {file.public_id} is withheld, but its time is over", erase)
    for file in TransferFile.objects.filter(state=FileState.INFECTED, scanned_at__lte=world.settled):
        yield Finding("I11", f"file {file.public_id} is infected, but not erased", erase_infected(world))


def erase_infected(world: World) -> Repair:
    return lambda: scan.erase_infected(services=world.services, now=world.now)


def make_ready(world: World) -> Repair:
    return lambda: completion.ready_received(services=world.services, now=world.now)


def erased_stays_erased(_world: World) -> Iterator[Finding]:
    """I17: the state of an erased file never changes again."""
    for file in TransferFile.objects.filter(erased_at__isnull=False).exclude(state=FileState.ERASED):
        yield Finding("I17", f"file {file.public_id} was erased, but is {file.state}")


def counts_within_size(_world: World) -> Iterator[Finding]:
    """I10: no more bytes were acknowledged or sent than the file has."""
    for file in TransferFile.objects.filter(acknowledged__gt=F("size")):
        yield Finding("I10", f"file {file.public_id}: more bytes were acknowledged than its size")
    partly = Pickup.objects.exclude(spans=[]).select_related("file")
    for pickup in rows_of(by_key(partly)):
        if any(stop > (pickup.file.size or 0) for _, stop in pickup.spans):
            yield Finding("I10", f"file {pickup.file.public_id}: bytes beyond its end were sent")


def database_is_sound(world: World) -> Iterator[Finding]:
    """I12: SQLite's integrity checks find nothing. PostgreSQL has page checksums of its own.

    They read the whole file, so only where everything is compared. A row's entries in indexes, and the rows
    that it refers to, are looked up with checksums only: that takes as long as all the rest, foreign keys
    are enforced with each write, and `filsluss backup` does it with its copy.
    """
    if connection.vendor != "sqlite" or world.since is not None:
        return
    with connection.cursor() as cursor:
        if not world.checksums:
            yield from _pages(cursor.execute("PRAGMA quick_check(10)"))
            return
        yield from _pages(cursor.execute("PRAGMA integrity_check(10)"))
        for table, *_ in cursor.execute("PRAGMA foreign_key_check"):
            yield Finding("I12", f"database: a row of {table} refers to a missing row")


def _pages(said: Iterable[tuple[str]]) -> Iterator[Finding]:
    return (Finding("I12", f"database: {line}") for (line,) in said if line != "ok")


CHECKS = (
    late,
    unasked,
    stuck,
    closed_is_empty,
    erased_stays_erased,
    counts_within_size,
    decided_once,
    each_step_once,
    each_state_by_its_step,
    parties,
    links,
    database_is_sound,
)

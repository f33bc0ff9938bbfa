"""Rows against one another: every state was come to once, and everybody was told what the house promised."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from filsluss.actions import completion, erasure, expiry, scan, upload_probe
from filsluss.actions.integrity.findings import Finding, Repair, World
from filsluss.actions.transitions import distinct_roles
from filsluss.letters.claims import claimed, has_exited
from filsluss.models import AuditEntry, Letter, LetterCase, Link, Party, Pickup, Transfer, TransferFile
from filsluss.models.letter import BLANK, READY_KINDS, Delivery
from filsluss.models.link import FILE_PURPOSES, STATUS_PURPOSE
from filsluss.rules.directions import Role
from filsluss.rules.lifecycle import ERASED, OVER, FileState, State

ONCE_FOR_A_TRANSFER = (
    "applied",
    "approved",
    "rejected",
    "withdrawn",
    "taken-back",
    "lapsed",
    "ended",
    "closed",
    "erased",
)
ONCE_FOR_A_FILE = ("received", "ready", "infected", "released", "file-erased")
ANSWERS = ("approved", "rejected", "withdrawn", "taken-back", "lapsed")
CAME_BY = {
    State.OPEN: ("approved", "decided_at"),
    State.LAPSED: ("lapsed", "over_at"),
    State.WITHDRAWN: ("taken-back", "over_at"),
    State.CLOSED: ("erased", "over_at"),
}
"""The step that leads to a state, and the column that says when it was taken."""


def letters_of_ready_files(world: World) -> Iterator[Finding]:
    """I3: one first letter for each file that can be fetched and each of its recipients; one that was sent
    again is not a first."""
    first = LetterCase.objects.filter(
        file=OuterRef("file"), party=OuterRef("party"), letter__kind__in=READY_KINDS, letter__again_of=None
    )
    counted = first.order_by().values("file").annotate(count=Count("pk")).values("count")
    ready = Pickup.objects.filter(file__state=FileState.READY).annotate(told=Coalesce(Subquery(counted), 0))
    for pickup in ready.exclude(told=1).select_related("file"):
        what = f"file {pickup.file.public_id}: {pickup.told} letters tell a recipient that it is ready"
        yield Finding("I3", what)
    unopened = TransferFile.objects.filter(state=FileState.READY, pickups=None)
    for file in unopened:
        yield Finding("I3", f"file {file.public_id} is ready and nobody can fetch it")


def letters_to_strangers(world: World) -> Iterator[Finding]:
    """I4: no address that is not in the case."""
    known = Party.objects.filter(transfer=OuterRef("transfer"), address=OuterRef("letter__to"))
    strange = LetterCase.objects.filter(~Exists(known)).exclude(letter__role="administrator")
    for case in strange.select_related("letter"):
        yield Finding("I4", f"letter {case.letter.key} is addressed to somebody outside the case")


def letters_too_early(world: World) -> Iterator[Finding]:
    """I5: nobody hears of a file that was never ready."""
    early = LetterCase.objects.filter(letter__kind__in=READY_KINDS, file__ready_at=None)
    for case in early.select_related("letter"):
        yield Finding("I5", f"letter {case.letter.key} tells of a file that was never ready")


def letters_against_decisions(world: World) -> Iterator[Finding]:
    """I6: what was written is what was decided."""
    cases = LetterCase.objects.select_related("letter")
    unapproved = cases.filter(letter__kind="approved", transfer__open_until=None)
    contrary = cases.filter(letter__kind="rejected").exclude(transfer__state=State.REJECTED)
    taken_back = cases.filter(letter__kind="withdrawn").exclude(transfer__state=State.WITHDRAWN)
    for case in (*unapproved, *contrary, *taken_back):
        yield Finding("I6", f"letter {case.letter.key} says what was not decided")


def parties_and_links(world: World) -> Iterator[Finding]:
    """I14: each case has a sender and a recipient, one asked has an approver, and each party its links."""
    for role in (Role.SENDER, Role.RECIPIENT):
        present = Party.objects.filter(transfer=OuterRef("pk"), role=role)
        probes = Q(purpose=upload_probe.PURPOSE)
        for transfer in Transfer.objects.filter(~Exists(present)).exclude(probes):
            yield Finding("I14", f"transfer {transfer.public_id} has no {role}")
    approver = Party.objects.filter(transfer=OuterRef("pk"), role=Role.APPROVER)
    for transfer in Transfer.objects.filter(~Exists(approver), asked_at__isnull=False):
        yield Finding("I14", f"transfer {transfer.public_id} has been put to nobody")
    for role, purpose in STATUS_PURPOSE.items():
        own = Link.objects.filter(party=OuterRef("pk"), purpose=purpose)
        missing = Party.objects.filter(~Exists(own), role=role).exclude(
            transfer__purpose=upload_probe.PURPOSE
        )
        for party in missing.select_related("transfer"):
            yield Finding("I14", f"transfer {party.transfer.public_id}: its {role} has no status link")
    for purpose in FILE_PURPOSES:
        own = Link.objects.filter(file=OuterRef("file"), party=OuterRef("party"), purpose=purpose)
        for pickup in Pickup.objects.filter(~Exists(own)).select_related("file"):
            yield Finding("I14", f"file {pickup.file.public_id}: a recipient has no {purpose} link")


def decided_once(world: World) -> Iterator[Finding]:
    """I6: at most one answer to an application."""
    for public_id, _ in _repeated(Q(step__in=ANSWERS), "transfer_public_id"):
        yield Finding("I6", f"transfer {public_id} was decided more than once")


def each_step_once(world: World) -> Iterator[Finding]:
    """I13: one line in the trail for each step."""
    steps = Q(step__in=ONCE_FOR_A_TRANSFER, file_public_id="")
    for public_id, step in _repeated(steps, "transfer_public_id", "step"):
        yield Finding("I13", f"transfer {public_id} took the step {step} more than once")
    for public_id, step in _repeated(Q(step__in=ONCE_FOR_A_FILE), "file_public_id", "step"):
        yield Finding("I13", f"file {public_id} took the step {step} more than once")


def _repeated(entries: Q, *by: str) -> Iterator[tuple[str, str]]:
    groups = AuditEntry.objects.filter(entries).order_by().values_list(*by)
    for group in groups.annotate(count=Count("pk")).filter(count__gt=1):
        yield group[0], group[-2]


def each_state_by_its_step(world: World) -> Iterator[Finding]:
    """I13: nothing came to its state but by the step that leads there, as far back as the trail goes."""
    kept = world.now - timedelta(days=world.policy.audit_days)
    for state, (step, since) in CAME_BY.items():
        known = AuditEntry.objects.filter(step=step).values("transfer_public_id")
        silent = Transfer.objects.filter(state=state, **{f"{since}__gt": kept})
        for transfer in silent.exclude(public_id__in=known):
            yield Finding("I13", f"transfer {transfer.public_id} is {state}, and no {step} is in its trail")
    erased = AuditEntry.objects.filter(step="file-erased").values("file_public_id")
    for file in TransferFile.objects.filter(erased_at__gt=kept).exclude(public_id__in=erased):
        yield Finding("I13", f"file {file.public_id} is erased, and that is not in the trail")


def closed_is_empty(world: World) -> Iterator[Finding]:
    """I8: nothing is left of a closed account, and each party has heard of it once."""
    left = TransferFile.objects.filter(transfer__state=State.CLOSED).exclude(state=FileState.ERASED)
    for file in left:
        yield Finding("I8", f"file {file.public_id} is {file.state} though its account is closed")
    codes = Pickup.objects.filter(file__state=FileState.ERASED).exclude(code_digest=None, code_sealed="")
    for pickup in codes.select_related("file"):
        yield Finding("I8", f"file {pickup.file.public_id} is erased and its code was kept")
    told = Count("letter_cases", filter=Q(letter_cases__letter__kind="erased"))
    for transfer in Transfer.objects.filter(state=State.CLOSED).annotate(told=told):
        if transfer.told != len(distinct_roles(transfer, among=ERASED.told)):
            yield Finding("I8", f"transfer {transfer.public_id}: {transfer.told} letters tell of its end")


def late(world: World) -> Iterator[Finding]:
    """I8 and I11: what time has ended is over soon after."""
    for transfer in Transfer.objects.over_at(world.settled):
        what = f"transfer {transfer.public_id}: its time is out and nobody has ended it"
        yield Finding("I8", what, lambda: end(world))
    for transfer in Transfer.objects.filter(state=State.CLOSING, ended_at__lte=world.settled):
        what = f"transfer {transfer.public_id}: it is over and its end has not been told"
        yield Finding("I8", what, lambda: end(world))
    for transfer in Transfer.objects.undecided_at(world.settled):
        what = f"transfer {transfer.public_id}: nobody answered in time and it has not lapsed"
        yield Finding("I11", what, lambda: expiry.lapse_undecided(policy=world.policy, now=world.now))


def end(world: World) -> None:
    """What the worker would have done at the end of an account."""
    expiry.end_accounts(policy=world.policy, now=world.now)
    erasure.erase_files(store=world.store, policy=world.policy, now=world.now)


def in_between(world: World) -> Iterator[Finding]:
    """I11: no row stays where it should only pass through."""
    for transfer in Transfer.objects.filter(state=State.NEW):
        yield Finding("I11", f"transfer {transfer.public_id} was never wholly applied for")
    idle = TransferFile.objects.filter(received_at__lte=world.settled, transfer__state=State.OPEN)
    for file in idle.filter(state=FileState.RECEIVED):
        yield Finding("I11", f"file {file.public_id} was received and never made ready", make_ready(world))
    for file in idle.filter(state=FileState.SCANNING, scan_again_at__lte=world.settled):
        yield Finding("I11", f"file {file.public_id}: its scan was begun and not finished")
    for file in TransferFile.objects.filter(state=FileState.INFECTED, scanned_at__lte=world.settled):
        yield Finding("I11", f"file {file.public_id} is infected and not erased", erase_infected(world))


def erase_infected(world: World) -> Repair:
    return lambda: scan.erase_infected(policy=world.policy, now=world.now)


def make_ready(world: World) -> Repair:
    return lambda: completion.ready_received(
        store=world.store, policy=world.policy, now=world.now, with_scanner=world.with_scanner
    )


def letters_of_exited_claimants(world: World) -> Iterator[Finding]:
    """I11: whoever is next takes the letter of a postman who died."""
    for letter in Letter.objects.queued().filter(next_try_at__lte=world.settled).exclude(claimed_by=""):
        if has_exited(letter.claimed_by):
            free = partial(claimed(letter).update, claimed_by="")
            yield Finding("I11", f"letter {letter.key}: its postman died", free)


def secrets_in_old_letters(world: World) -> Iterator[Finding]:
    """I8: the text of a letter is kept only while it waits, and in one given up while its case lives."""
    alive = LetterCase.objects.filter(letter=OuterRef("pk")).exclude(transfer__state__in=OVER)
    written = Letter.objects.exclude(text="", html="")
    done = written.filter(delivery__in=(Delivery.SENT, Delivery.WITHDRAWN, Delivery.COLLECTING))
    over = written.filter(~Exists(alive), delivery=Delivery.GIVEN_UP)
    for kept in (done, over):
        for letter in kept:
            blank = partial(Letter.objects.filter(pk=letter.pk).update, **BLANK)
            yield Finding("I8", f"letter {letter.key}: its text was kept", blank)


def erased_stays_erased(world: World) -> Iterator[Finding]:
    """I17 and I10: an erased file has never another state; nothing was sent beyond a file's end."""
    undead = TransferFile.objects.filter(erased_at__isnull=False).exclude(state=FileState.ERASED)
    for file in undead:
        yield Finding("I17", f"file {file.public_id} was erased and is {file.state} again")
    for file in TransferFile.objects.filter(acknowledged__gt=F("size")):
        yield Finding("I10", f"file {file.public_id}: more of it was counted than there is")
    for pickup in Pickup.objects.exclude(spans=[]).select_related("file"):
        if any(stop > (pickup.file.size or 0) for _, stop in pickup.spans):
            yield Finding("I10", f"file {pickup.file.public_id}: more of it was sent than there is")


def database_is_sound(world: World) -> Iterator[Finding]:
    """I12: SQLite looks through its own file; PostgreSQL keeps checksums of its own."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA integrity_check(10)")
        yield from (Finding("I12", f"database: {row[0]}") for row in cursor.fetchall() if row[0] != "ok")
        cursor.execute("PRAGMA foreign_key_check")
        yield from (
            Finding("I12", f"database: {row[0]} names a row that is gone") for row in cursor.fetchall()
        )


CHECKS = (
    late,
    in_between,
    closed_is_empty,
    erased_stays_erased,
    decided_once,
    each_step_once,
    each_state_by_its_step,
    parties_and_links,
    letters_of_ready_files,
    letters_to_strangers,
    letters_too_early,
    letters_against_decisions,
    letters_of_exited_claimants,
    secrets_in_old_letters,
    database_is_sound,
)

"""Rows against one another: every state was come to once, and everybody was told what the house promised."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from django.db import connection
from django.db.models import Count, F, Q

from filsluss.actions import completion, erasure, expiry, scan
from filsluss.actions.integrity.findings import Finding, Repair, World
from filsluss.actions.transitions import distinct_roles
from filsluss.letters.claims import claimed, has_exited
from filsluss.letters.outbox import BLANK
from filsluss.models import AuditEntry, Letter, Transfer, TransferFile
from filsluss.models.letter import Delivery
from filsluss.rules.lifecycle import ERASED, FileState, State

ONCE_FOR_A_TRANSFER = ("applied", "approved", "rejected", "withdrawn", "lapsed", "ended", "closed", "erased")
ONCE_FOR_A_FILE = ("received", "ready", "infected", "released", "file-erased")
ANSWERS = ("approved", "rejected", "withdrawn", "lapsed")
CAME_BY = {State.OPEN: ("approved", "decided_at"), State.LAPSED: ("lapsed", "over_at"),
           State.CLOSED: ("erased", "over_at")}  # fmt: skip
"""The step that leads to a state, and the column that says when it was taken."""


def letters_of_ready_files(world: World) -> Iterator[Finding]:
    """I3: one letter to the recipient for each file that can be fetched."""
    told = Count("letters", filter=Q(letters__kind="file-ready"))
    ready = TransferFile.objects.filter(state=FileState.READY).annotate(told=told).exclude(told=1)
    for file in ready:
        yield Finding("I3", f"file {file.public_id}: {file.told} letters tell the recipient that it is ready")


def letters_to_strangers(world: World) -> Iterator[Finding]:
    """I4: no address that is not in the case."""
    parties = (
        Q(to=F("transfer__sender_email"))
        | Q(to=F("transfer__recipient_email"))
        | Q(to=F("transfer__approver_email"))
    )
    for letter in (
        Letter.objects.filter(transfer__isnull=False).exclude(role="administrator").exclude(parties)
    ):
        yield Finding("I4", f"letter {letter.key} is addressed to somebody outside the case")


def letters_too_early(world: World) -> Iterator[Finding]:
    """I5: nobody hears of a file that was never ready."""
    for letter in Letter.objects.filter(kind="file-ready", file__ready_at=None):
        yield Finding("I5", f"letter {letter.key} tells of a file that was never ready")


def letters_against_decisions(world: World) -> Iterator[Finding]:
    """I6: what was written is what was decided."""
    unapproved = Letter.objects.filter(kind="approved", transfer__open_until=None)
    contrary = Letter.objects.filter(kind="rejected").exclude(transfer__state=State.REJECTED)
    for letter in (*unapproved, *contrary):
        yield Finding("I6", f"letter {letter.key} says what was not decided")


def decided_once(world: World) -> Iterator[Finding]:
    """I6: at most one answer to an application."""
    for public_id, _ in _repeated(Q(step__in=ANSWERS), "transfer_id_public"):
        yield Finding("I6", f"transfer {public_id} was decided more than once")


def each_step_once(world: World) -> Iterator[Finding]:
    """I13: one line in the trail for each step."""
    steps = Q(step__in=ONCE_FOR_A_TRANSFER, file_id_public="")
    for public_id, step in _repeated(steps, "transfer_id_public", "step"):
        yield Finding("I13", f"transfer {public_id} took the step {step} more than once")
    for public_id, step in _repeated(Q(step__in=ONCE_FOR_A_FILE), "file_id_public", "step"):
        yield Finding("I13", f"file {public_id} took the step {step} more than once")


def _repeated(entries: Q, *by: str) -> Iterator[tuple[str, str]]:
    groups = AuditEntry.objects.filter(entries).order_by().values_list(*by)
    for group in groups.annotate(count=Count("pk")).filter(count__gt=1):
        yield group[0], group[-2]


def each_state_by_its_step(world: World) -> Iterator[Finding]:
    """I13: nothing came to its state but by the step that leads there, as far back as the trail goes."""
    kept = world.now - timedelta(days=world.policy.audit_days)
    for state, (step, since) in CAME_BY.items():
        known = AuditEntry.objects.filter(step=step).values("transfer_id_public")
        silent = Transfer.objects.filter(state=state, **{f"{since}__gt": kept})
        for transfer in silent.exclude(public_id__in=known):
            yield Finding("I13", f"transfer {transfer.public_id} is {state}, and no {step} is in its trail")
    erased = AuditEntry.objects.filter(step="file-erased").values("file_id_public")
    for file in TransferFile.objects.filter(erased_at__gt=kept).exclude(public_id__in=erased):
        yield Finding("I13", f"file {file.public_id} is erased, and that is not in the trail")


def closed_is_empty(world: World) -> Iterator[Finding]:
    """I8: nothing is left of a closed account, and each party has heard of it once."""
    left = TransferFile.objects.filter(transfer__state=State.CLOSED).exclude(
        state=FileState.ERASED, code_digest=None
    )
    for file in left:
        yield Finding("I8", f"file {file.public_id} is {file.state} though its account is closed")
    told = Count("letters", filter=Q(letters__kind="erased"))
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
    """I8: the text of a letter lives in a mailbox only, once it has left or never will."""
    kept = Letter.objects.exclude(delivery=Delivery.QUEUED).exclude(text="", html="")
    for letter in kept:
        yield Finding("I8", f"letter {letter.key}: its text was kept", lambda: kept.update(**BLANK))


def erased_stays_erased(world: World) -> Iterator[Finding]:
    """I17 and I10: an erased file has never another state; nothing was sent beyond a file's end."""
    undead = TransferFile.objects.filter(erased_at__isnull=False).exclude(state=FileState.ERASED)
    for file in undead:
        yield Finding("I17", f"file {file.public_id} was erased and is {file.state} again")
    for file in TransferFile.objects.filter(Q(sent_until__gt=F("size")) | Q(acknowledged__gt=F("size"))):
        yield Finding("I10", f"file {file.public_id}: more of it was counted than there is")


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
    letters_of_ready_files,
    letters_to_strangers,
    letters_too_early,
    letters_against_decisions,
    letters_of_exited_claimants,
    secrets_in_old_letters,
    database_is_sound,
)

"""Letters against rows: each letter that is due was written once, to the right people, and keeps nothing."""

from collections.abc import Iterator
from functools import partial

from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from filsluss.actions.integrity.findings import Finding, World
from filsluss.letters.claims import claimed, has_exited
from filsluss.models import Letter, LetterCase, Party, Pickup, TransferFile
from filsluss.models.letter import BLANK, Delivery
from filsluss.rules.letter_kinds import READY_KINDS, LetterKind
from filsluss.rules.lifecycle import OVER, FileState, State
from filsluss.rules.permissions import StaffRole


def letters_of_ready_files(_world: World) -> Iterator[Finding]:
    """I3: exactly one letter tells each recipient of each ready file, apart from letters sent again."""
    first = LetterCase.objects.filter(
        file=OuterRef("file"), party=OuterRef("party"), letter__kind__in=READY_KINDS, letter__again_of=None
    )
    counted = first.order_by().values("file").annotate(count=Count("pk")).values("count")
    ready = Pickup.objects.filter(file__state=FileState.READY).annotate(told=Coalesce(Subquery(counted), 0))
    for pickup in ready.exclude(told=1).select_related("file"):
        what = f"file {pickup.file.public_id}: {pickup.told} letters tell a recipient that it is ready"
        yield Finding("I3", what)
    for file in TransferFile.objects.filter(state=FileState.READY, pickups=None):
        yield Finding("I3", f"file {file.public_id} is ready, but no recipient can fetch it")


def letters_to_outsiders(world: World) -> Iterator[Finding]:
    """I4: no letter about a case goes to an address that is not in it; a list goes to its mailbox."""
    known = Party.objects.filter(transfer=OuterRef("transfer"), address=OuterRef("letter__to"))
    mailbox = Party.objects.filter(pk=OuterRef("party"), canonical=OuterRef("letter__to"))
    unknown = LetterCase.objects.filter(~Exists(known), world.changing("transfer__")).exclude(
        Exists(mailbox), letter__kind=LetterKind.APPROVALS_REQUESTED
    )
    unknown = unknown.exclude(letter__role=StaffRole.ADMINISTRATOR)
    for case in unknown.select_related("letter"):
        yield Finding("I4", f"letter {case.letter.key} is addressed to somebody outside the case")


def letters_too_early(world: World) -> Iterator[Finding]:
    """I5: no letter tells a recipient of a file that was never ready."""
    early = LetterCase.objects.filter(letter__kind__in=READY_KINDS, file__ready_at=None)
    for case in early.filter(world.changing("transfer__")).select_related("letter"):
        yield Finding("I5", f"letter {case.letter.key} tells of a file that was never ready")


def letters_against_decisions(_world: World) -> Iterator[Finding]:
    """I6: letters about a decision say what was decided."""
    wrong = (
        Q(letter__kind=LetterKind.APPROVED, transfer__open_until=None)
        | Q(letter__kind=LetterKind.REJECTED) & ~Q(transfer__state=State.REJECTED)
        | Q(letter__kind=LetterKind.WITHDRAWN) & ~Q(transfer__state=State.WITHDRAWN)
    )
    for case in LetterCase.objects.filter(wrong).select_related("letter"):
        yield Finding("I6", f"letter {case.letter.key} tells of a decision that was not made")


def letters_of_exited_claimants(world: World) -> Iterator[Finding]:
    """I11: no due letter is claimed by a process that has ended."""
    for letter in Letter.objects.queued().filter(next_try_at__lte=world.settled).exclude(claimed_by=""):
        if has_exited(letter.claimed_by):
            release = partial(claimed(letter).update, claimed_by="")
            yield Finding("I11", f"letter {letter.key} is claimed by a process that has ended", release)


def secrets_in_old_letters(_world: World) -> Iterator[Finding]:
    """I8: a letter has its text only while it is queued, or given up with a case that is not over."""
    unfinished = LetterCase.objects.filter(letter=OuterRef("pk")).exclude(transfer__state__in=OVER)
    with_text = Letter.objects.exclude(text="", html="")
    done = with_text.filter(delivery__in=(Delivery.SENT, Delivery.WITHDRAWN, Delivery.COLLECTING))
    over = with_text.filter(~Exists(unfinished), delivery=Delivery.GIVEN_UP)
    for letters in (done, over):
        for letter in letters:
            blank = partial(Letter.objects.filter(pk=letter.pk).update, **BLANK)
            yield Finding("I8", f"letter {letter.key} is {letter.delivery}, but its text is stored", blank)


CHECKS = (
    letters_of_ready_files,
    letters_to_outsiders,
    letters_too_early,
    letters_against_decisions,
    letters_of_exited_claimants,
    secrets_in_old_letters,
)

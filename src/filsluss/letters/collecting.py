"""Letters about several files, fetches or removals: they collect entries, and are rendered on closing."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from filsluss.letters.compose import addressed, fill
from filsluss.letters.context import About
from filsluss.letters.each_row import each_row
from filsluss.models import Letter, LetterCase, Party, Pickup, Transfer, TransferFile
from filsluss.models.batches import batches
from filsluss.models.letter import BLANK, Delivery
from filsluss.rules.letter_kinds import READY_KINDS, LetterKind
from filsluss.rules.lifecycle import FileState
from filsluss.rules.policy import Policy
from filsluss.rules.tokens import draw_row_id, show_code

QUIET = timedelta(minutes=15)
"""How long after its last file a letter about many files waits for the next one."""
BEFORE_THE_END = timedelta(hours=1)
"""How long before the end of the account such a letter closes at the latest."""
HOUR = timedelta(hours=1)
RECEIPT_WINDOW = timedelta(minutes=10)
"""A receipt collects the fetches within this time after the first one."""
REMOVAL_WINDOW = timedelta(minutes=5)
"""Such a letter collects the removals within this time after its first one."""
SINGLE_REMOVALS = 5
"""Removals in a transfer within an hour that a mailbox gets a letter each about; others are collected.

So it is with infected files.
"""
IN_PROGRESS = (FileState.UPLOADING, FileState.RECEIVED, FileState.SCANNING)
"""States of files that a letter about many files waits for."""


def collect_ready(file: TransferFile, recipient: Party, *, policy: Policy, now: datetime) -> None:
    """Adds a file that became ready to the recipient's letter, which then waits QUIET for the next file."""
    closes_at = min(now + QUIET, latest_close(file.transfer))
    letter = _collecting(LetterKind.FILES_READY, recipient, recipient, closes_at, policy, now)
    Letter.objects.filter(pk=letter.pk).update(next_try_at=closes_at)
    _add(letter, recipient, file)


def had_many_letters(recipient: Party, *, policy: Policy, now: datetime) -> bool:
    """Whether that mailbox got as many letters about the transfer's files within an hour as it should get."""
    return _had(policy.file_letters_per_hour, READY_KINDS, recipient, now=now)


def _had(most: int, kinds: Sequence[str], reader: Party, *, now: datetime) -> bool:
    """Whether that mailbox got so many letters of these kinds about the transfer within an hour."""
    letters = Letter.objects.filter(kind__in=kinds, to=reader.address).about(reader.transfer)
    letters = letters.exclude(delivery=Delivery.COLLECTING)
    latest = letters.order_by("-pk").values_list("written_at", flat=True)
    (counted,) = latest[most - 1 : most] or (None,)
    return counted is not None and counted > now - HOUR


def collects_removals(reader: Party, *, now: datetime) -> bool:
    """Whether a further removal comes to that mailbox in a letter with others."""
    return _had(SINGLE_REMOVALS, (LetterKind.FILE_REMOVED,), reader, now=now)


def had_many_infected(sender: Party, *, now: datetime) -> bool:
    """Whether the sender has had enough letters about infected files of the transfer within an hour."""
    return _had(SINGLE_REMOVALS, (LetterKind.FILE_INFECTED,), sender, now=now)


def collect_removed(file: TransferFile, reader: Party, *, policy: Policy, now: datetime) -> None:
    """Adds a file that was removed, or stopped as infected, to the reader's letter about such files."""
    letter = _collecting(LetterKind.FILES_REMOVED, reader, reader, now + REMOVAL_WINDOW, policy, now)
    _add(letter, reader, file)


def collect_fetched(file: TransferFile, by: Party, *, policy: Policy, now: datetime) -> None:
    """Adds a whole fetch by that recipient to the receipt for the sender."""
    letter = _collecting(
        LetterKind.FILES_DOWNLOADED, file.transfer.sender, by, now + RECEIPT_WINDOW, policy, now
    )
    _add(letter, file.transfer.sender, file)


def latest_close(transfer: Transfer) -> datetime:
    assert transfer.open_until is not None
    return transfer.open_until - BEFORE_THE_END


def _collecting(
    kind: str, reader: Party, by: Party, closes_at: datetime, policy: Policy, now: datetime
) -> Letter:
    """The letter to `reader` that collects the files or fetches of `by`, locked; a new one if needed."""
    transfer = reader.transfer
    key = f"{kind}:{transfer.public_id}:{reader.role}:{draw_row_id()}"
    draft = addressed(kind, About(transfer, reader), key=key, policy=policy, now=now)
    return found_or_new(draft, collects=f"{kind}:{by.public_id}:{reader.address}", closes_at=closes_at)


def found_or_new(draft: Letter, *, collects: str, closes_at: datetime) -> Letter:
    """The letter that collects under that key, locked; else `draft`, saved so that it does."""
    collecting = Letter.objects.collecting().filter(collects=collects).select_for_update()
    if found := collecting.first():
        return found
    draft.delivery, draft.collects, draft.next_try_at = Delivery.COLLECTING, collects, closes_at
    try:
        with transaction.atomic():
            draft.save(force_insert=True)
    except IntegrityError:  # another transaction has inserted one
        return collecting.get()
    return draft


def _add(letter: Letter, party: Party, file: TransferFile) -> None:
    LetterCase.objects.get_or_create(letter=letter, transfer=file.transfer, party=party, file=file)


def close_due(*, policy: Policy, now: datetime) -> int:
    """Closes the letters that are due; returns how many."""
    due = Letter.objects.closing_at(now, within=QUIET).exclude(kind=LetterKind.APPROVALS_REQUESTED)
    due = due.order_by("next_try_at", "id")
    return each_row(
        "close collected letters",
        due,
        lambda letter: close(letter, policy=policy, now=now),
        policy=policy,
        now=now,
    )


def send_now(transfer: Transfer, *, policy: Policy, now: datetime) -> int:
    """Closes the transfer's letters about many files without waiting for more; returns how many.

    No letter if the recipient has had many: or each press of the button would be a letter.
    """
    if had_many_letters(transfer.recipient, policy=policy, now=now):
        return 0
    letters = Letter.objects.collecting().filter(kind=LetterKind.FILES_READY).about(transfer)
    return sum(close(letter, policy=policy, now=now, at_once=True) for letter in letters)


def close(letter: Letter, *, policy: Policy, now: datetime, at_once: bool = False) -> bool:
    """Renders the letter from the entries that are still true, and queues it; without any it is withdrawn.

    False if it was closed before or, unless `at_once`, if it waits for files that are in progress.
    """
    with transaction.atomic():
        locked = Letter.objects.collecting().filter(pk=letter.pk).select_for_update().first()
        if locked is None:
            return False
        cases = list(locked.cases.select_related("transfer", "party", "file").order_by("id"))
        about = still_true(locked, cases, now=now)
        if about is None:
            Letter.objects.filter(pk=locked.pk).update(delivery=Delivery.WITHDRAWN, **BLANK)
            return True
        if not at_once and _postponed(locked, about.transfer, now=now):
            return False
        fill(locked, about, policy=policy, now=now)
        locked.delivery, locked.next_try_at, locked.written_at = Delivery.QUEUED, now, now
        locked.save(update_fields=["subject", "text", "html", "delivery", "next_try_at", "written_at"])
    return True


def still_true(letter: Letter, cases: Sequence[LetterCase], *, now: datetime) -> About | None:
    """The letter's entries, without files that can no longer be fetched; None if nothing is left."""
    if not cases or cases[0].party is None:
        return None
    transfer, party = cases[0].transfer, cases[0].party
    party.transfer = transfer
    files = [case.file for case in cases if case.file]
    for file in files:
        file.transfer = transfer
    if letter.kind == LetterKind.FILES_DOWNLOADED:
        return About(transfer, party, files=files, fetched=_fetches(letter, files)) if files else None
    if letter.kind == LetterKind.FILES_REMOVED:
        return About(transfer, party, files=files) if files else None
    ready = [file for file in files if file.is_open_at(now)]
    return About(transfer, party, files=ready, codes=codes_of(ready, party)) if ready else None


def _fetches(letter: Letter, files: Sequence[TransferFile]) -> dict[str, datetime]:
    """The last fetch of each file, by its public id, by the party whose fetches the letter collects."""
    pickups = _pickups(files, party__public_id=letter.collects.split(":")[1])
    return {each.file.public_id: each.fetched_last_at for each in pickups if each.fetched_last_at}


def codes_of(files: Sequence[TransferFile], party: Party) -> dict[str, str]:
    """The party's codes as people read them, by the public id of the file."""
    pickups = _pickups(files, party=party)
    return {each.file.public_id: show_code(each.code_sealed) for each in pickups if each.code_sealed}


def _pickups(files: Sequence[TransferFile], **of: Any) -> Iterator[Pickup]:
    for batch in batches(files):
        yield from Pickup.objects.filter(file__in=batch, **of).select_related("file")


def _postponed(letter: Letter, transfer: Transfer, *, now: datetime) -> bool:
    """Postpones a letter about many files for a minute if files are in progress; False if it closes now."""
    latest = latest_close(transfer)
    if letter.kind != LetterKind.FILES_READY or now >= latest:
        return False
    if not transfer.files.filter(state__in=IN_PROGRESS).exists():
        return False
    Letter.objects.filter(pk=letter.pk).update(next_try_at=min(now + timedelta(minutes=1), latest))
    return True


def collect_again(letter: Letter, *, now: datetime) -> Letter | None:
    """Returns a queued letter to COLLECTING; or else the one that collects under its key by now, locked."""
    others = Letter.objects.collecting().filter(collects=letter.collects).select_for_update()
    if found := others.first():
        return found
    again = {"delivery": Delivery.COLLECTING, "next_try_at": now, "tries": 0, **BLANK}
    try:
        with transaction.atomic():
            Letter.objects.queued().filter(pk=letter.pk).update(**again)
    except IntegrityError:  # another transaction has inserted one
        return others.get()
    return None


def reopen(letters: Sequence[Letter], *, now: datetime) -> None:
    """Returns queued letters, one of whose files was taken away, to COLLECTING; they close without it.

    Called in the transaction that takes the file away. A process that has claimed the letter loses its claim.
    """
    for letter in letters:
        collecting = collect_again(letter, now=now)
        if collecting is None:
            continue
        collected = collecting.cases.filter(file__isnull=False).values("file_id")
        letter.cases.exclude(file_id__in=collected).update(letter=collecting)
        letter.cases.all().delete()
        Letter.objects.filter(pk=letter.pk).update(delivery=Delivery.WITHDRAWN, **BLANK)

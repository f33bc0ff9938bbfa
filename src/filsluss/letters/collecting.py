"""Letters that collect: one for many files or fetches, rendered from what is still true when it closes."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from filsluss.letters.compose import addressed, fill
from filsluss.letters.context import About
from filsluss.models import Letter, LetterCase, Party, Pickup, Transfer, TransferFile
from filsluss.models.letter import BLANK, Delivery
from filsluss.rules.lifecycle import FileState
from filsluss.rules.policy import Policy
from filsluss.rules.tokens import draw_row_id, show_code

QUIET = timedelta(minutes=15)
"""How long after its last file one letter for many files waits for the next."""
BEFORE_THE_END = timedelta(hours=1)
"""How long before the end of the account that letter closes at the latest."""
RECEIPT_WINDOW = timedelta(minutes=10)
"""Fetches within so long of the first stand in one receipt."""
ON_THEIR_WAY = (FileState.UPLOADING, FileState.RECEIVED, FileState.SCANNING)
"""States of files that one letter for many files waits for."""


def collect_ready(file: TransferFile, recipient: Party, *, policy: Policy, now: datetime) -> None:
    """Adds a file that became ready to its recipient's one letter, which then waits for the next file."""
    closes_at = min(now + QUIET, latest_close(file.transfer))
    letter = _collecting("files-ready", recipient, recipient, closes_at, policy, now)
    Letter.objects.filter(pk=letter.pk).update(next_try_at=closes_at)
    _add(letter, recipient, file)


def collect_fetched(file: TransferFile, by: Party, *, policy: Policy, now: datetime) -> None:
    """Adds a whole fetch to the sender's receipt of what that recipient fetched within ten minutes."""
    letter = _collecting("files-downloaded", file.transfer.sender, by, now + RECEIPT_WINDOW, policy, now)
    _add(letter, file.transfer.sender, file)


def latest_close(transfer: Transfer) -> datetime:
    assert transfer.open_until is not None
    return transfer.open_until - BEFORE_THE_END


def _collecting(
    kind: str, reader: Party, by: Party, closes_at: datetime, policy: Policy, now: datetime
) -> Letter:
    """The row that collects for that reader, locked until the transaction ends; a new one if there is none.

    `by` is the party whose files or fetches it collects.
    """
    collects = f"{kind}:{by.public_id}:{reader.address}"
    open_one = Letter.objects.collecting().filter(collects=collects).select_for_update()
    if found := open_one.first():
        return found
    transfer = reader.transfer
    key = f"{kind}:{transfer.public_id}:{reader.role}:{draw_row_id()}"
    letter = addressed(kind, About(transfer, reader), key=key, policy=policy, now=now)
    letter.delivery, letter.collects, letter.next_try_at = Delivery.COLLECTING, collects, closes_at
    try:
        with transaction.atomic():
            letter.save(force_insert=True)
    except IntegrityError:  # another transaction began one meanwhile
        return open_one.get()
    return letter


def _add(letter: Letter, party: Party, file: TransferFile) -> None:
    LetterCase.objects.get_or_create(letter=letter, transfer=file.transfer, party=party, file=file)


def close_due(*, policy: Policy, now: datetime) -> int:
    """Closes the letters whose time has come; returns how many."""
    due = Letter.objects.collecting().filter(next_try_at__lte=now).order_by("next_try_at", "id")
    return sum(close(letter, policy=policy, now=now) for letter in due)


def send_now(transfer: Transfer, *, policy: Policy, now: datetime) -> int:
    """Closes the transfer's letters for many files without waiting further; returns how many."""
    ready = Letter.objects.collecting().filter(kind="files-ready").about(transfer)
    return sum(close(letter, policy=policy, now=now, at_once=True) for letter in ready)


def close(letter: Letter, *, policy: Policy, now: datetime, at_once: bool = False) -> bool:
    """Renders the letter from what is still true and queues it; one with nothing true left is withdrawn.

    False if it waits on for files that are on their way (`at_once`: it does not), or was closed already.
    """
    with transaction.atomic():
        held = Letter.objects.collecting().filter(pk=letter.pk).select_for_update().first()
        if held is None:
            return False
        cases = list(held.cases.select_related("transfer", "party", "file").order_by("id"))
        about = _still_true(held, cases, now=now)
        if about is None:
            Letter.objects.filter(pk=held.pk).update(delivery=Delivery.WITHDRAWN, **BLANK)
            return True
        if not at_once and _waits(held, about.transfer, now=now):
            return False
        fill(held, about, policy=policy, now=now)
        held.delivery, held.next_try_at, held.written_at = Delivery.QUEUED, now, now
        held.save(update_fields=["subject", "text", "html", "delivery", "next_try_at", "written_at"])
    return True


def _still_true(letter: Letter, cases: Sequence[LetterCase], *, now: datetime) -> About | None:
    if not cases or cases[0].party is None:
        return None
    transfer, party = cases[0].transfer, cases[0].party
    party.transfer = transfer
    files = [case.file for case in cases if case.file]
    for file in files:
        file.transfer = transfer
    if letter.kind == "files-downloaded":
        return About(transfer, party, files=files, fetched=_fetches(letter, files)) if files else None
    ready = [file for file in files if file.is_open_at(now)]
    return About(transfer, party, files=ready, codes=codes_of(ready, party)) if ready else None


def _fetches(letter: Letter, files: Sequence[TransferFile]) -> dict[str, datetime]:
    """When the party whose fetches it collects last fetched each file."""
    by = letter.collects.split(":")[1]
    pickups = Pickup.objects.filter(file__in=files, party__public_id=by).select_related("file")
    return {each.file.public_id: each.fetched_last_at for each in pickups if each.fetched_last_at}


def codes_of(files: Sequence[TransferFile], party: Party) -> dict[str, str]:
    """The party's codes as people read them, by the public id of their file."""
    pickups = (
        Pickup.objects.filter(file__in=files, party=party).exclude(code_sealed="").select_related("file")
    )
    return {pickup.file.public_id: show_code(pickup.code_sealed) for pickup in pickups}


def _waits(letter: Letter, transfer: Transfer, *, now: datetime) -> bool:
    """Puts off a letter for many files while others are on their way, until an hour before the end."""
    latest = latest_close(transfer)
    if letter.kind != "files-ready" or now >= latest:
        return False
    if not transfer.files.filter(state__in=ON_THEIR_WAY).exists():
        return False
    Letter.objects.filter(pk=letter.pk).update(next_try_at=min(now + timedelta(minutes=1), latest))
    return True


def reopen(letters: Sequence[Letter], *, now: datetime) -> None:
    """Letters for many files that name one which is gone: they collect again, and close at once without it.

    Called in the transaction that took the file away. One that another process is sending is lost to it.
    """
    for letter in letters:
        collecting = Letter.objects.collecting().filter(collects=letter.collects).select_for_update().first()
        if collecting is None:
            Letter.objects.queued().filter(pk=letter.pk).update(
                delivery=Delivery.COLLECTING, next_try_at=now, tries=0, **BLANK
            )
            continue
        known = set(collecting.cases.values_list("file_id", flat=True))
        letter.cases.exclude(file_id__in=known).update(letter=collecting)
        letter.cases.all().delete()
        Letter.objects.filter(pk=letter.pk).update(delivery=Delivery.WITHDRAWN, **BLANK)

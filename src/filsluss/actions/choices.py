"""What a sender chooses: a code for a file; one letter for all files, and receipts, for the transfer."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import transaction

from filsluss.actions.room import lock_open
from filsluss.models import Transfer
from filsluss.models.upload_queries import UploadAccount
from filsluss.rules.lifecycle import Receipts

NAMES = ("with_code", "one_letter", "receipts")
MEANT = ("withcode", "code", "oneletter", "receipts")
"""What a name that is none of NAMES is compared with, in small letters alone."""


@dataclass(frozen=True)
class Choices:
    """The sender's choices; None leaves the transfer's choice as it is."""

    with_code: bool = False
    one_letter: bool | None = None
    receipts: Receipts | None = None


NO_CHOICE = Choices()


@lru_cache(512)
def is_choice(name: str) -> bool:
    """Whether it names a choice, or seems to be meant to, as `withCode` does."""
    bare = re.sub("[^a-z]", "", name[:100].lower())
    return name in NAMES or bool(difflib.get_close_matches(bare, MEANT, n=1, cutoff=0.85))


def read_choices(given: Mapping[str, str]) -> Choices:
    """From the fields of a form, a query or `Upload-Metadata`.

    Raises ValueError for an unknown value, and for a misspelt name: a file must not go out without its code.
    """
    if any(name not in NAMES and is_choice(name) for name in given):
        raise ValueError("a misspelt name")
    with_code, one_letter, receipts = (given.get(name) for name in NAMES)
    if not {with_code, one_letter} <= {None, "", "0", "1"}:
        raise ValueError("with_code or one_letter")
    return Choices(
        with_code=with_code == "1",
        one_letter=one_letter == "1" if one_letter else None,
        receipts=Receipts(receipts) if receipts else None,
    )


def choose(transfer: Transfer | UploadAccount, *, choices: Choices, now: datetime) -> None:
    """Stores the choices for the whole transfer; the last upload that names one sets it.

    Raises UploadRefused if the account is over.
    """
    with transaction.atomic():
        lock_open(transfer, now=now)
        store_choices([(transfer, choices)])
    note_choices(transfer, choices=choices)


def store_choices(chosen: Iterable[tuple[Transfer | UploadAccount, Choices]]) -> None:
    """The row's part of it, for several uploads in their order, which may be undone and done again.

    Needs the lock of each transfer's row, with which its earlier choices were read.
    """
    last: dict[int, tuple[Transfer | UploadAccount, dict[str, Any]]] = {}
    for transfer, choices in chosen:
        named = {"one_letter": choices.one_letter, "receipts": choices.receipts}
        _, changes = last.setdefault(transfer.pk, (transfer, {}))
        changes.update({name: value for name, value in named.items() if value is not None})
    for transfer, changes in last.values():
        if any(value != getattr(transfer, name) for name, value in changes.items()):
            Transfer.objects.filter(pk=transfer.pk).update(**changes)


def note_choices(transfer: Transfer | UploadAccount, *, choices: Choices) -> None:
    """The object's part of it."""
    if choices.one_letter is not None:
        transfer.one_letter = choices.one_letter
    if choices.receipts is not None:
        transfer.receipts = choices.receipts

"""What a sender chooses: a code for a file; one letter for all files, and receipts, for the transfer."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

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


def choose(transfer: Transfer | UploadAccount, *, choices: Choices) -> None:
    """Stores the choices for the whole transfer; the last upload that names one sets it."""
    store_choices(transfer, choices=choices)
    note_choices(transfer, choices=choices)


def store_choices(transfer: Transfer | UploadAccount, *, choices: Choices) -> None:
    """The row's part of it, which may be undone and done again."""
    chosen = {"one_letter": choices.one_letter, "receipts": choices.receipts}
    changes = {
        name: value
        for name, value in chosen.items()
        if value is not None and value != getattr(transfer, name)
    }
    if changes:
        Transfer.objects.filter(pk=transfer.pk).update(**changes)


def note_choices(transfer: Transfer | UploadAccount, *, choices: Choices) -> None:
    """The object's part of it."""
    if choices.one_letter is not None:
        transfer.one_letter = choices.one_letter
    if choices.receipts is not None:
        transfer.receipts = choices.receipts

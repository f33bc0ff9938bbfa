"""Sealing: what waits in the database can be read with a key that is not in it, and by nobody else."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

PREFIX = "sealed:"


class DecryptionFailed(ValueError):
    """None of the keys made this seal, or somebody has changed what is under it."""


def is_encrypted(text: str) -> bool:
    return text.startswith(PREFIX)


def encrypt(text: str, keys: Sequence[bytes]) -> str:
    """Under the first of the keys; another sealed text every time."""
    return PREFIX + _fernet(keys).encrypt(text.encode()).decode()


def decrypt(sealed: str, keys: Sequence[bytes]) -> str:
    """The text, under whichever key it was sealed with; raises SealBroken."""
    from cryptography.fernet import InvalidToken

    try:
        return _fernet(keys).decrypt(sealed.removeprefix(PREFIX).encode()).decode()
    except InvalidToken:
        raise DecryptionFailed("no key of ours fits") from None


def _fernet(keys: Sequence[bytes]) -> MultiFernet:
    # Not before it is needed: it is 9 MiB in each process, and the master process seals nothing.
    from cryptography.fernet import Fernet, MultiFernet

    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])

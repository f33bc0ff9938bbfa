"""Encryption of text at rest (Fernet); the keys are not in the database."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

PREFIX = "sealed:"


class DecryptionFailed(ValueError):
    """None of the keys decrypts the text: another key was used, or the ciphertext was changed."""


def is_encrypted(text: str) -> bool:
    return text.startswith(PREFIX)


def encrypt(text: str, keys: Sequence[bytes]) -> str:
    """The text encrypted with the first key; a different ciphertext every time."""
    return PREFIX + _fernet(tuple(keys)).encrypt(text.encode()).decode()


def decrypt(ciphertext: str, keys: Sequence[bytes]) -> str:
    """The text, whichever of the keys it was encrypted with; raises DecryptionFailed."""
    from cryptography.fernet import InvalidToken  # as in _fernet

    try:
        return _fernet(tuple(keys)).decrypt(ciphertext.removeprefix(PREFIX).encode()).decode()
    except InvalidToken:
        raise DecryptionFailed("none of the keys decrypts the text") from None


@lru_cache(maxsize=16)
def _fernet(keys: tuple[bytes, ...]) -> MultiFernet:
    # Imported when needed: it takes 9 MiB in each process, and the master process encrypts nothing.
    from cryptography.fernet import Fernet, MultiFernet

    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])

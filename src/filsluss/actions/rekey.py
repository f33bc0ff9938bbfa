"""A change of the secret key: what is encrypted at rest is encrypted anew, so that older keys may go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import Model, QuerySet, TextField
from django.db.models.functions import Cast

from filsluss.actions import second_factors
from filsluss.models.batches import by_key, rows_of
from filsluss.models.encrypted_field import EncryptedTextField
from filsluss.rules.encryption import PREFIX, DecryptionFailed, decrypt

ANEW, LOST = "anew", "lost"
WITH_LINKS = "pickup-code"
"""A code leads to its link, which is derived from the secret key, and ends with it."""


def encrypt_anew() -> Counter[str]:
    """Encrypts every text with the first of the keys; counts those (ANEW), and what no key reads (LOST).

    It may run beside the service, and once more after it was interrupted: a text that changes meanwhile is
    left as it then is.
    """
    count = Counter[str]()
    for model in apps.get_app_config("filsluss").get_models():
        for column in model._meta.local_fields:
            if isinstance(column, EncryptedTextField) and column.key_use != WITH_LINKS:
                _column_anew(model, column, count=count)
    is_read = second_factors.seal_recovery_key_anew()
    if is_read is not None:
        count[ANEW if is_read else LOST] += 1
    return count


def _column_anew(model: type[Model], column: EncryptedTextField[Any, Any], *, count: Counter[str]) -> None:
    keys, rows = settings.ENCRYPTION_KEYS[column.key_use], _stored(model, column.name)
    for row in rows_of(by_key(rows.filter(stored__startswith=PREFIX).only("pk"))):
        stored: str = row.stored
        if _text(stored, keys[:1]) is not None:
            continue
        text = _text(stored, keys)
        if text is None:
            count[LOST] += 1
        else:
            count[ANEW] += rows.filter(pk=row.pk, stored=stored).update(**{column.name: text})


def _stored(model: type[Model], name: str) -> QuerySet[Any]:
    """The rows with the ciphertext of a column as `stored`."""
    return model._base_manager.annotate(stored=Cast(name, TextField()))


def _text(stored: str, keys: Sequence[bytes]) -> str | None:
    try:
        return decrypt(stored, keys)
    except DecryptionFailed:
        return None

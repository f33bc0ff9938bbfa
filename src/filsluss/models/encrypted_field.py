"""A column whose words nobody reads who has only the database, or what it left on a disk."""

from typing import Any

from django.conf import settings
from django.db import models

from filsluss.rules.encryption import DecryptionFailed, decrypt, encrypt, is_encrypted


class EncryptedTextField(models.TextField):
    """Text here, sealed there; nothing stays nothing. The database can look for no word in it.

    What no key opens comes back as it lies there, so that a reader of many rows is not stopped by one.
    """

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs  # to the database it is nothing else

    def get_prep_value(self, value: Any) -> Any:
        text = super().get_prep_value(value)
        return encrypt(text, settings.LETTER_KEYS) if text else text

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        if not value or not is_encrypted(value):
            return value
        try:
            return decrypt(value, settings.LETTER_KEYS)
        except DecryptionFailed:
            return value

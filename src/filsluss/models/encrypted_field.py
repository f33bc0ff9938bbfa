"""A text column encrypted at rest; the key is not in the database."""

from typing import Any

from django.conf import settings
from django.db import models

from filsluss.rules.encryption import DecryptionFailed, decrypt, encrypt, is_encrypted


class EncryptedTextField(models.TextField):
    """Plain text in Python, ciphertext in the database; empty stays empty. Cannot be searched.

    `key_use` names the keys in `settings.ENCRYPTION_KEYS`. A value that none of them decrypts is returned
    as it is stored, so that a query of many rows does not fail because of one.
    """

    def __init__(self, *args: Any, key_use: str = "letter", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.key_use = key_use

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs  # for migrations it is a plain text column

    def get_prep_value(self, value: Any) -> Any:
        text = super().get_prep_value(value)
        return encrypt(text, settings.ENCRYPTION_KEYS[self.key_use]) if text else text

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        if not value or not is_encrypted(value):
            return value
        try:
            return decrypt(value, settings.ENCRYPTION_KEYS[self.key_use])
        except DecryptionFailed:
            return value

"""The fingerprint of the secret key, kept in the database: another key would open no link that was sent."""

from collections.abc import Sequence

from django.db import transaction

from filsluss.models import Installation

NAME = "key-fingerprint"


def is_known(fingerprints: Sequence[str]) -> bool:
    """Whether the key that links were made with is among these, or none was ever noted."""
    stored = Installation.objects.filter(name=NAME).first()
    return stored is None or stored.value in fingerprints


def note(fingerprints: Sequence[str]) -> bool:
    """Stores the first, that of the key in use, if `is_known`; returns whether it is."""
    with transaction.atomic():
        if not is_known(fingerprints):
            return False
        replace(fingerprints[0])
    return True


def replace(fingerprint: str) -> None:
    """Stores it, whatever was there."""
    if not Installation.objects.filter(name=NAME, value=fingerprint).exists():
        Installation.objects.update_or_create(name=NAME, defaults={"value": fingerprint})

"""What every action needs: the policy, the blob store and its locker, the scanner, the machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings

from filsluss import machine
from filsluss.blobs import Locker, Store, open_locker, open_store
from filsluss.identity import open_provider
from filsluss.rules.policy import Policy
from filsluss.scanners.clamd import Clamd

if TYPE_CHECKING:
    from filsluss.identity.provider import Provider


@dataclass(frozen=True)
class Services:
    """Handed to every action. `boot_id` is the machine's current boot; without a scanner none is used.

    Without a `provider` nobody signs in but local accounts.
    """

    policy: Policy
    store: Store
    locker: Locker
    boot_id: str
    scanner: Clamd | None = None
    provider: Provider | None = None


def current_services() -> Services:
    """Those of this installation, as its settings are now."""
    return Services(
        settings.POLICY,
        open_store(settings.BLOB_URL),
        open_locker(settings.BLOB_URL),
        machine.boot_id(),
        settings.SCANNER,
        open_provider(settings.IDENTITY_PROVIDER) if settings.IDENTITY_PROVIDER else None,
    )

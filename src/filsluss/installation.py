"""What every action needs: the policy, the blob store and its locker, the scanner, the machine."""

from dataclasses import dataclass

from django.conf import settings

from filsluss import machine
from filsluss.blobs import Locker, Store, open_locker, open_store
from filsluss.rules.policy import Policy
from filsluss.scanners.clamd import Clamd


@dataclass(frozen=True)
class Services:
    """Handed to every action. `boot_id` is the machine's current boot; without a scanner none is used."""

    policy: Policy
    store: Store
    locker: Locker
    boot_id: str
    scanner: Clamd | None = None


def current_services() -> Services:
    """Those of this installation, as its settings are now."""
    return Services(
        settings.POLICY,
        open_store(settings.BLOB_URL),
        open_locker(settings.BLOB_URL),
        machine.boot_id(),
        settings.SCANNER,
    )

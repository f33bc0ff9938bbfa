"""What every action needs: the policy, the blob store and its locker, the scanner, the machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

from filsluss import machine
from filsluss.blobs import Locker, Store, open_locker, open_store
from filsluss.blobs.bucket_address import BucketAddress
from filsluss.blobs.leases import PostgresLocker
from filsluss.blobs.part_table import PartTable
from filsluss.identity import open_provider
from filsluss.postgresql.sessions import Sessions
from filsluss.rules.policy import Policy
from filsluss.scanners.clamd import Clamd

if TYPE_CHECKING:
    from filsluss.identity.provider import Provider

ANY_BOOT = "bucket"


@dataclass(frozen=True)
class Services:
    """Handed to every action. Without a scanner none is used; without a provider only local accounts sign in.

    `boot_id` is the boot under which bytes that were not acknowledged can be trusted: with a store on disk
    the machine's current one. What is in a bucket does not depend on any.
    """

    policy: Policy
    store: Store
    locker: Locker
    boot_id: str
    scanner: Clamd | None = None
    provider: Provider | None = None


def current_services() -> Services:
    """Those of this installation, as its settings are now."""
    if is_in_bucket():
        store, locker = _in_bucket(settings.BLOB_URL, settings.S3_KEYS)
    else:
        store, locker = open_store(settings.BLOB_URL), open_locker(settings.BLOB_URL)
    return Services(
        settings.POLICY,
        store,
        locker,
        ANY_BOOT if is_in_bucket() else machine.boot_id(),
        settings.SCANNER,
        open_provider(settings.IDENTITY_PROVIDER) if settings.IDENTITY_PROVIDER else None,
    )


def is_in_bucket() -> bool:
    """Whether blobs lie in a bucket, which several machines share, and not on this machine's disk."""
    return str(settings.BLOB_URL).startswith("s3:")


@lru_cache
def _in_bucket(url: str, keys: Callable[[], tuple[str, str]]) -> tuple[Store, Locker]:
    from filsluss.blobs.bucket import Bucket  # they need boto3, which is there only where it is used
    from filsluss.blobs.s3 import S3Store

    database = Sessions()
    bucket = Bucket(BucketAddress.of(url), keys, before_waiting=database.let_go)
    return S3Store(bucket, PartTable(database)), PostgresLocker(database)

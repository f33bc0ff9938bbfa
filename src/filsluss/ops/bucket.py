"""Whether the bucket that holds the blobs is there for us, before a process begins to work with it."""

from django.core.management.base import CommandError

from filsluss.blobs import StoreAway, StoreRefused
from filsluss.conf.names import Name
from filsluss.installation import current_services, is_in_bucket


def require_bucket() -> None:
    """Raises CommandError if it is not there, or refuses the key; a store that is away may come back."""
    if not is_in_bucket():
        return
    from filsluss.blobs.s3 import S3Store  # it needs boto3, which is there with a bucket

    store = current_services().store
    assert isinstance(store, S3Store)
    try:
        store.bucket.look(quick=True)
    except StoreRefused as fault:
        raise CommandError(f"{Name.BLOB_URL}: {fault}") from None
    except StoreAway:
        return

"""What a bucket may not be: one that keeps what is erased, erases what is kept, or has another time."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from filsluss.blobs.bucket import Bucket
from filsluss.blobs.protocol import StoreAway

MOST_APART = timedelta(minutes=1)
"""Of the store's clock and ours. A store refuses requests that are a quarter of an hour away."""


def faults_of(bucket: Bucket, *, kept_for: timedelta, now: datetime) -> Iterator[str]:
    """What is wrong with the bucket, in words; `kept_for` is how long a file may have to stay.

    Settings that the key may not read, or that the store does not know, count as not set. Raises StoreAway.
    """
    headers = bucket.look()
    if _settings(bucket, "get_object_lock_configuration").get("ObjectLockConfiguration"):
        yield "it has object lock, so that nothing in it is sure to be erased: take a bucket without"
    for rule in _settings(bucket, "get_bucket_lifecycle_configuration").get("Rules", []):
        days = rule.get("Expiration", {}).get("Days")
        if rule.get("Status") == "Enabled" and days and days < kept_for / timedelta(days=1):
            yield f"its lifecycle erases objects after {days} days, and files may stay {kept_for.days}"
    if "date" in headers and not _is_near(headers["date"], now):
        yield f"its clock says {headers['date']}, and the database's {now:%H:%M:%S}: set both by NTP"


def _is_near(date: str, now: datetime) -> bool:
    """Whether a Date header tells of that time, and can be read at all."""
    try:
        return abs(parsedate_to_datetime(date) - now) <= MOST_APART
    except (ValueError, TypeError):  # it names no zone
        return False


def _settings(bucket: Bucket, verb: str) -> dict[str, Any]:
    try:
        return dict(bucket.ask("tell its settings", verb))
    except StoreAway:
        return {}

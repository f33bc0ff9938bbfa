"""Where services keep their blobs: on the disk, or with TEST_BLOBS=s3 each in a bucket of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from tests.parts.seaweed import ACCESS_KEY, SECRET_KEY, of_this_run

WHERE = os.environ.get("TEST_BLOBS", "disk")
IN_BUCKET = WHERE == "s3"
"""It needs TEST_DATABASE=postgresql."""

CHOSEN = (
    "tests/downloads/test_ranges.py",
    "tests/streams/test_archive.py",
    "tests/streams/test_tus.py",
)
"""The part that runs in a bucket without --full."""
ON_DISK_ONLY = {
    "tests/streams/test_full_disk.py": "a disk that is full",
    "tests/streams/test_model.py": "bytes and offsets of a store in this process, as tests/blobs",
}
"""Path of a file, and what it is about that a bucket has not."""

_numbers = count(1)


def why_not_in_bucket(path: str, fixtures: set[str], *, full: bool) -> str:
    """Why a test of that file does not run with TEST_BLOBS=s3; empty if it does."""
    if not fixtures & {"make_service", "shared_service"}:
        return "it starts no service"
    if reason := ON_DISK_ONLY.get(path):
        return f"on a disk only: {reason}"
    if not full and path not in CHOSEN:
        return "a long run; bin/test --full"
    return ""


@contextmanager
def blobs_of_its_own() -> Iterator[dict[str, str]]:
    """The settings of a new bucket, which is gone when the block ends; none where blobs lie on the disk."""
    if not IN_BUCKET:
        yield {}
        return
    seaweed, bucket = of_this_run(), f"service-{os.getpid()}-{next(_numbers)}"
    seaweed.make_bucket(bucket)
    yield {
        "BLOB_URL": seaweed.url(bucket),
        "S3_ACCESS_KEY": ACCESS_KEY,
        "S3_SECRET_KEY": SECRET_KEY,
        "SECRET_KEY": "a key that is not in the data folder",
    }
    seaweed.drop_bucket(bucket)

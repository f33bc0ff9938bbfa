"""How the place of the blobs is read: the URL of a folder, or of a bucket."""

from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from filsluss.blobs.bucket_address import BucketAddress
from filsluss.conf.readers import CONTROL, has_host


def bucket_url(value: str) -> str:
    endpoint = BucketAddress.of(value).endpoint
    if endpoint and not has_host(endpoint):
        raise ValueError("its endpoint names no host, or a port that is none")
    if find_spec("boto3") is None:
        raise ValueError("needs boto3: install filsluss[s3]")
    return value


def blob_url(value: str) -> str:
    """The URL of a folder that is there, or can be made; or of a bucket, which needs a package."""
    if value.startswith("s3:"):
        return bucket_url(value)
    parts = urlsplit(value)
    path = unquote(parts.path)
    folder, is_plain = Path(path), not (parts.query or parts.fragment or CONTROL.search(path))
    if not value.startswith("file:///") or not is_plain or len(folder.parts) < 2:
        raise ValueError("must be file:/// and the path of a folder; # and ? in it as %23 and %3F")
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not there.is_dir():
        raise ValueError(f"{there} is not a folder")
    return value

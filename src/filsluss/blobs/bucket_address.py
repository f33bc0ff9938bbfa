"""The address of a bucket, as `FILSLUSS_BLOB_URL` names it: s3://bucket/prefix?endpoint=…&region=…."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

BUCKET_NAME = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
PREFIX = re.compile(r"((?!\.\.?/)[A-Za-z0-9._-]+/)*")
REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}")
LONGEST_PREFIX = 500
"""Letters, of the 1024 bytes that the name of an object may have."""


@dataclass(frozen=True)
class BucketAddress:
    """`prefix` is empty or ends with a slash; without an endpoint the bucket is Amazon's."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = "us-east-1"

    @property
    def is_encrypted(self) -> bool:
        """Whether requests go over TLS, as those to Amazon's own always do."""
        return not self.endpoint.startswith("http:")

    @classmethod
    def of(cls, url: str) -> "BucketAddress":
        """Raises ValueError, whose text says what is wrong."""
        parts = urlsplit(url)
        is_number = (
            re.fullmatch(r"[0-9.]+", parts.netloc) and "." in parts.netloc
        )  # no bucket may look like one
        if parts.scheme != "s3" or not BUCKET_NAME.fullmatch(parts.netloc) or is_number:
            raise ValueError("must be s3://bucket/prefix?endpoint=https://host&region=name")
        path = parts.path.strip("/")
        prefix = f"{path}/" if path else ""
        if not PREFIX.fullmatch(prefix):
            raise ValueError("its prefix may have letters, digits, and . _ - between slashes")
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        given = dict(pairs)
        if len(given) < len(pairs) or parts.fragment:
            raise ValueError("names endpoint or region twice, or ends with a #")
        if unknown := sorted(given.keys() - {"endpoint", "region"}):
            raise ValueError(f"knows endpoint and region, and not {unknown[0]}")
        region = given.get("region") or cls.region
        if not REGION.fullmatch(region) or len(prefix) > LONGEST_PREFIX:
            raise ValueError("its region is one word, and its prefix has at most 500 letters")
        return cls(parts.netloc, prefix, _endpoint(given.get("endpoint", "")), region)


def _endpoint(text: str) -> str:
    parts = urlsplit(text)
    bare = parts.path in ("", "/") and not (parts.query or parts.fragment or "@" in parts.netloc)
    if text and not (parts.scheme in ("http", "https") and parts.hostname and bare):
        raise ValueError("its endpoint must be scheme and host, like https://s3.example.se")
    return text.rstrip("/")

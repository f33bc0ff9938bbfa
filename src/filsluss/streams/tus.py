"""The headers of tus 1.0.0, parsed and validated (https://tus.io/protocols/resumable-upload)."""

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import google_crc32c

from filsluss.actions.choices import Choices, read_choices
from filsluss.streams.responses import Refusal

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination"
BODY_TYPE = "application/offset+octet-stream"
METADATA_MAX = 4096
KEYS_MAX = 10
NUMBER = re.compile(r"[0-9]{1,19}")
KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]+")


def read_number(text: str, *, code: str) -> int:
    """A non-negative integer of at most 19 ASCII digits; refuses with `code` otherwise."""
    if not NUMBER.fullmatch(text):
        raise Refusal(code)
    return int(text)


def read_length(length: str | None, deferred: str | None) -> int | None:
    """`Upload-Length` in bytes, None with `Upload-Defer-Length: 1`; exactly one of them must be given."""
    if (length is None) == (deferred is None) or deferred not in (None, "1"):
        raise Refusal("length_invalid")
    return None if length is None else read_number(length, code="length_invalid")


@dataclass(frozen=True)
class Metadata:
    """`Upload-Metadata` (tus, "creation"): the header as it was sent, and its decoded values."""

    raw: str = ""
    values: dict[str, bytes] = field(default_factory=dict)

    @property
    def filename(self) -> str:
        raw = self.values.get("filename") or self.values.get("name")
        if not raw:
            return "unnamed"
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise Refusal("metadata_invalid") from None

    @property
    def folder(self) -> str:
        """Where the file was within what was chosen, as it was sent; empty if it was chosen by itself."""
        return self.values.get("folder", b"").decode("utf-8", "replace")

    @property
    def choices(self) -> Choices:
        """`with_code`, `one_letter` (0 or 1) and `receipts` (none, first, each)."""
        text = {key: value.decode("ascii", "replace") for key, value in self.values.items()}
        try:
            return read_choices(text)
        except ValueError:
            raise Refusal("metadata_invalid") from None

    def require_valid_sha256(self) -> None:
        """`sha256` is the hex digest of the whole file, compared when the file is made ready."""
        if "sha256" in self.values and not re.fullmatch(rb"[0-9a-fA-F]{64}", self.values["sha256"]):
            raise Refusal("metadata_invalid")

    @property
    def last_modified(self) -> int | None:
        """Milliseconds since 1970, as the upload page's script sends them; None if absent."""
        text = self.values.get("lastmodified", b"").decode("ascii", "replace")
        return int(text) if NUMBER.fullmatch(text) else None


def read_metadata(raw: str | None) -> Metadata:
    """Decodes strictly; refuses with "metadata_invalid" what the specification does not allow."""
    if not raw:
        return Metadata()
    pairs = [pair.strip(" ") for pair in raw.split(",")]
    if len(raw) > METADATA_MAX or len(pairs) > KEYS_MAX:
        raise Refusal("metadata_invalid")
    values: dict[str, bytes] = {}
    for pair in pairs:
        key, _, encoded = pair.partition(" ")
        if not KEY.fullmatch(key) or key in values:
            raise Refusal("metadata_invalid")
        values[key] = _decode(encoded)
    metadata = Metadata(raw, values)
    metadata.require_valid_sha256()
    return metadata


def read_digest(raw: str | None) -> str:
    """`Repr-Digest: sha-256=:…:` (RFC 9530) of a whole file in the form of `Upload-Metadata`; else ""."""
    found = re.search(r"(?:^|[, ])sha-256=:([A-Za-z0-9+/=]*):", raw or "")
    if not found:
        return ""
    digest = _decode(found[1])
    if len(digest) != 32:
        raise Refusal("metadata_invalid")
    return f"sha256 {base64.b64encode(digest.hex().encode()).decode()}"


def _decode(encoded: str, code: str = "metadata_invalid") -> bytes:
    try:
        return base64.b64decode(encoded.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise Refusal(code) from None


class Sum(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...

    def digest(self) -> bytes: ...


class Crc32:
    """CRC-32 (zlib's), four bytes in network order."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes | memoryview, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class Crc32c:
    """CRC-32C (Castagnoli, RFC 3720), four bytes in network order."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes | memoryview, /) -> None:
        self._value = google_crc32c.extend(self._value, bytes(data))

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


SUMS: dict[str, Callable[[], Sum]] = {
    "sha256": hashlib.sha256,
    "crc32c": Crc32c,
    "sha512": hashlib.sha512,
    "crc32": Crc32,
    "sha1": hashlib.sha1,
}


@dataclass
class Checksum:
    """`Upload-Checksum` (tus, "checksum"): the running sum and the digest it must end with."""

    sum: Sum
    expected: bytes

    def holds(self) -> bool:
        return self.sum.digest() == self.expected


def read_checksum(raw: str | None, sums: Mapping[str, Callable[[], Sum]] = SUMS) -> Checksum | None:
    """A sum's name, a space and the digest in base64; `sums` are those that may be named."""
    if raw is None:
        return None
    algorithm, _, encoded = raw.partition(" ")
    if algorithm not in sums:
        raise Refusal("checksum_unsupported")
    running = sums[algorithm]()
    expected = _decode(encoded, "checksum_unsupported")
    if len(expected) != len(running.digest()):
        raise Refusal("checksum_unsupported")
    return Checksum(running, expected)

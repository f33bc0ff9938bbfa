"""The secrets people hold: links derived from a row, codes drawn by chance, and what is stored of them."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from enum import StrEnum

CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 12
TOKEN_PATTERN = r"[A-Za-z0-9_-]{43}"


class Purpose(StrEnum):
    """Which door a link opens; a link of one purpose is unknown at every other door."""

    UPLOAD = "upload"
    DECIDE = "decide"
    DOWNLOAD = "download"
    PICKUP = "pickup"
    STATUS_SENDER = "status-sender"
    STATUS_RECIPIENT = "status-recipient"
    STATUS_APPROVER = "status-approver"


def derive_key(secret: str, use: str) -> bytes:
    """A key for one use ("link", "code") of the installation's secret."""
    return hmac.digest(secret.encode(), b"filsluss|" + use.encode(), "sha256")


def link_token(key: bytes, *, purpose: Purpose, row: str, nonce: str) -> str:
    """The 256-bit token of a link, the same every time it is asked for: 43 characters of base64url."""
    mac = hmac.digest(key, f"{purpose.value}|{row}|{nonce}".encode(), "sha256")
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def digest_of(token: str) -> str:
    """What a row keeps of a link: enough to find it, not enough to open it."""
    return hashlib.sha256(token.encode()).hexdigest()


def draw_code() -> str:
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))


def show_code(code: str) -> str:
    """`K7PM4QXD9T2V` as people read it aloud: `K7PM-4QXD-9T2V`."""
    return "-".join(code[i : i + 4] for i in range(0, len(code), 4))


def read_code(typed: str) -> str:
    """A code as typed, in any case, with or without dashes and blanks, made comparable."""
    return re.sub(r"[\s\-\u2010-\u2015\u2212.]+", "", typed).upper()


def code_digest(key: bytes, code: str) -> str:
    """What a row keeps of a code: useless without the installation's key."""
    return hmac.digest(key, code.encode(), "sha256").hex()


def draw_public_id() -> str:
    """A name that people can say of a transfer or a file, opening nothing: `K7PM-4QXD`."""
    return show_code("".join(secrets.choice(CODE_ALPHABET) for _ in range(8)))


def draw_nonce() -> str:
    return secrets.token_hex(16)


def draw_upload_id() -> str:
    """128 random bits as 22 characters of base64url: the name of an upload, and of its blob."""
    return secrets.token_urlsafe(16)


def keys_for(use: str, secrets_: Sequence[str]) -> tuple[bytes, ...]:
    """The keys of one use, today's secret first, older ones after it."""
    return tuple(derive_key(secret, use) for secret in secrets_)

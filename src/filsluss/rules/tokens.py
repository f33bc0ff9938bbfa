"""Link tokens and pickup codes: how they are made, and the digests that are stored of them."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from enum import StrEnum

from filsluss.randomness import random_bytes, token_urlsafe

CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 12
TOKEN_PATTERN = r"[A-Za-z0-9_-]{43}"


class Purpose(StrEnum):
    """Which page a link is for; at every other page its token is unknown."""

    UPLOAD = "upload"
    DECIDE = "decide"
    DOWNLOAD = "download"
    PICKUP = "pickup"
    STATUS_SENDER = "status-sender"
    STATUS_RECIPIENT = "status-recipient"
    STATUS_APPROVER = "status-approver"


def derive_key(secret: str, use: str) -> bytes:
    """The key for one use ("link", "code"), derived from the installation's secret key."""
    return hmac.digest(secret.encode(), b"filsluss|" + use.encode(), "sha256")


def link_token(key: bytes, *, purpose: Purpose, row: str, nonce: str) -> str:
    """The token of a link, 256 bits as 43 characters of base64url; the same arguments give the same token."""
    mac = hmac.digest(key, f"{purpose.value}|{row}|{nonce}".encode(), "sha256")
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def digest_of(token: str) -> str:
    """The SHA-256 that is stored of a token: enough to find its row, not enough to make the link."""
    return hashlib.sha256(token.encode()).hexdigest()


def draw_code() -> str:
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))


def show_code(code: str) -> str:
    """A code in groups of four, as people read it: `K7PM4QXD9T2V` as `K7PM-4QXD-9T2V`."""
    return "-".join(code[i : i + 4] for i in range(0, len(code), 4))


def read_code(typed: str) -> str:
    """A typed code in its canonical form: upper case, without dashes, dots and blanks."""
    return re.sub(r"[\s\-\u2010-\u2015\u2212.]+", "", typed).upper()


def code_problem(typed: str) -> str:
    """What shows, without looking, that the text is no whole code; "" if it may be one."""
    code = read_code(typed)
    if not code:
        return "code_empty"
    if not set(code) <= set(CODE_ALPHABET):
        return "code_characters"
    return "" if len(code) == CODE_LENGTH else "code_length"


def code_digest(key: bytes, code: str) -> str:
    """The HMAC that is stored of a code: it cannot be searched for without the key."""
    return hmac.digest(key, code.encode(), "sha256").hex()


def draw_public_id() -> str:
    """The public id of a transfer or a file, `K7PM-4QXD`: 8 random characters that give no access."""
    drawn = int.from_bytes(random_bytes.take(16))  # so many that no id is more likely
    letters = ""
    for _ in range(8):
        drawn, letter = divmod(drawn, len(CODE_ALPHABET))
        letters += CODE_ALPHABET[letter]
    return show_code(letters)


def as_public_id(typed: str) -> str:
    """A public id as it was typed, in any case, with or without its dash; empty for what is none."""
    bare = read_code(typed)
    return show_code(bare) if len(bare) == 8 and set(bare) <= set(CODE_ALPHABET) else ""


def draw_nonce() -> str:
    return secrets.token_hex(16)


def draw_row_id() -> str:
    """128 random bits as 22 characters of base64url, so that even among very many rows none collide."""
    return token_urlsafe(16)


def draw_upload_id() -> str:
    """A random name for an upload and its blob, 22 characters of base64url."""
    return draw_row_id()


def keys_for(use: str, secrets_: Sequence[str]) -> tuple[bytes, ...]:
    """The keys for one use, the current secret's first, then those of older secrets."""
    return tuple(derive_key(secret, use) for secret in secrets_)

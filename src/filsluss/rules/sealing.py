"""Sealing: what waits in the database can be read with a key that is not in it, and by nobody else."""

# Python has no cipher of its own. SHAKE-256 over a key and a fresh nonce gives a stream nobody else can make,
# and an HMAC over all that is stored says that nothing of it was changed.

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

MARK = "sealed:"
NONCE, TAG = 32, 32


class SealBroken(ValueError):
    """None of the keys made this seal, or somebody has changed what is under it."""


def is_sealed(text: str) -> bool:
    return text.startswith(MARK)


def seal(text: str, key: bytes) -> str:
    """Another sealed text every time."""
    nonce = secrets.token_bytes(NONCE)
    body = nonce + _crossed(text.encode(), key, nonce)
    return MARK + base64.urlsafe_b64encode(_tag(body, key) + body).decode()


def unseal(sealed: str, keys: Sequence[bytes]) -> str:
    """The text, under whichever key it was sealed with; raises SealBroken."""
    try:
        held = base64.urlsafe_b64decode(sealed.removeprefix(MARK))
    except ValueError:
        raise SealBroken("it is cut off") from None
    tag, body = held[:TAG], held[TAG:]
    for key in keys:
        if hmac.compare_digest(tag, _tag(body, key)):
            return _crossed(body[NONCE:], key, body[:NONCE]).decode()
    raise SealBroken("no key of ours fits")


def _tag(body: bytes, key: bytes) -> bytes:
    return hmac.digest(_part(key, b"tag"), body, "sha256")


def _crossed(text: bytes, key: bytes, nonce: bytes) -> bytes:
    """Exclusive-or with the stream: once seals, twice unseals."""
    stream = hashlib.shake_256(_part(key, b"stream") + nonce).digest(len(text))
    return (int.from_bytes(text) ^ int.from_bytes(stream)).to_bytes(len(text))


def _part(key: bytes, use: bytes) -> bytes:
    return hmac.digest(key, use, "sha256")

"""What the machines of one installation are called, and which settings they must share."""

import hmac
import re
import socket
from typing import Any

from filsluss.conf.names import Name
from filsluss.conf.setting import Setting, Values

SHARED = (Name.BLOB_URL,)
"""Settings that all machines must share, apart from those of the policy."""


def node_of(values: Values) -> str:
    """The host name; with SQLite, which one machine has, the same after it was renamed."""
    if not values[Name.DATABASE_URL]:
        return "local"
    return re.sub("[^A-Za-z0-9.-]", "-", socket.gethostname()).strip("-.")[:64] or "local"


def digests(table: tuple[Setting, ...], values: Values, *, key: bytes) -> dict[str, str]:
    """A keyed digest of each setting that must be the same on every machine, by its name."""
    shared = [row.name for row in table if (row.policy and not row.is_secret) or row.name in SHARED]
    return {name: hmac.digest(key, canonical(values[name]).encode(), "sha256").hex()[:16] for name in shared}


def canonical(value: Any) -> str:
    """The same text for the same value in every process: sets have no order of their own."""
    return repr(sorted(map(repr, value)) if isinstance(value, set | frozenset) else value)

"""How the text of each setting of sign-in is read; a ValueError or OSError says what is wrong with it."""

import re
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from filsluss.conf.readers import address, comma_list, domains, has_host
from filsluss.conf.settings_file import read_file
from filsluss.rules.hosts import is_loopback_name
from filsluss.rules.permissions import SCOPED, StaffRole
from filsluss.rules.sign_in import GroupRole, LocalSignIn, SharedMailbox, SignIn

OTHER_ROLE = re.compile(rf"=\s*({'|'.join(StaffRole)})\b")
"""In the name of a group: another pair, with no comma between."""
LARGEST = 1 << 20
"""Bytes of a file of certificates."""


def issuer(value: str) -> str:
    """The issuer as it is typed: providers compare it sign by sign (OpenID Connect Discovery 1.0, 4.3)."""
    parts = urlsplit(value)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback_name(parts.netloc))
    whole = has_host(value) and not (parts.query or parts.fragment or "@" in parts.netloc)
    if value and not (is_safe and whole and re.fullmatch(r"[!-~]+", value) and "\\" not in value):
        raise ValueError("must be https:// and what the provider calls itself, without ? and #")
    return value


def one_word(value: str) -> str:
    if not re.fullmatch(r"[!-~]{0,255}", value):
        raise ValueError("must be one word of at most 255 ASCII signs")
    return value


def claim_name(value: str) -> str:
    """Also a URL, as AD FS names claims."""
    if not re.fullmatch(r"(?!.*\.\.)[A-Za-z][A-Za-z0-9_.:/-]{0,199}(?<!\.)", value):
        raise ValueError("must be the name of a claim, such as email or realm_access.roles")
    return value


def words(value: str) -> tuple[str, ...]:
    return tuple(one_word(word) for word in value.split())


def scope(value: str) -> str:
    if "openid" not in words(value):
        raise ValueError("must hold openid")
    if set(value) & {'"', "\\"}:  # RFC 6749, 3.3
        raise ValueError("must hold no quotes and no backslashes")
    return " ".join(words(value))


def private_key(value: str) -> str:
    """A private key in PEM, without a password."""
    if value:
        # Imported when needed: it takes megabytes, and most installations have no such key.
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            load_pem_private_key(value.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ValueError("must be a private key in PEM, without a password") from None
    return value


def certificates(value: str) -> str:
    """The path of a file of certificates that can be read."""
    if value:
        found = read_file(Path(value), most=LARGEST + 1)
        try:
            if not found.strip():
                raise ValueError
            ssl.create_default_context(cadata=found.decode("ascii"))
        except (ssl.SSLError, ValueError):
            raise ValueError("holds no certificates in PEM") from None
    return value


def yes_or_no(value: str) -> bool:
    if value not in ("yes", "no"):
        raise ValueError("must be yes or no")
    return value == "yes"


def sign_in(value: str) -> SignIn:
    if value not in set(SignIn):
        raise ValueError("must be off, offered or required")
    return SignIn(value)


def local_sign_in(value: str) -> LocalSignIn:
    if value not in set(LocalSignIn):
        raise ValueError("must be yes, break-glass or no")
    return LocalSignIn(value)


def role_groups(value: str) -> tuple[GroupRole, ...]:
    return tuple(_role_group(part) for part in comma_list(value))


def _role_group(part: str) -> GroupRole:
    group, _, given = part.rpartition("=")
    role, colon, scope = given.partition(":")
    if not group.strip() or role.strip() not in set(StaffRole) or OTHER_ROLE.search(group):
        raise ValueError(f"{part!r} must be group=role; roles are {', '.join(StaffRole)}")
    if scope and StaffRole(role.strip()) not in SCOPED:
        raise ValueError(f"{part!r}: only {', '.join(SCOPED)} is held for a domain")
    if colon and not scope.strip():  # it would hold for all
        raise ValueError(f"{part!r} names no domain after its colon")
    return GroupRole(group.strip(), StaffRole(role.strip()), "".join(domains(scope)))


def shared_mailboxes(value: str) -> tuple[SharedMailbox, ...]:
    return tuple(_shared_mailbox(part) for part in comma_list(value))


def _shared_mailbox(part: str) -> SharedMailbox:
    typed, _, group = part.partition("=")
    if not typed.strip() or not group.strip() or re.search(r"[;\s][^;\s]*@.*=", group):
        raise ValueError(f"{part!r} must be address=group")
    return SharedMailbox(address(typed.strip()), group.strip())

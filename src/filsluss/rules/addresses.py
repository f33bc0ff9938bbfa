"""Addresses: the strict grammar, who is inside, and when two addresses are one person's."""

import re
import unicodedata
from collections.abc import Sequence

LONGEST_ADDRESS = 254
LONGEST_LOCAL = 64

# Narrower than the mail standards on purpose: quotes, comments, %, ! and = have all been read by
# some relay as "send this elsewhere", and a leading dash as an option to a program.
_ATOM = r"[A-Za-z0-9_+'&~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP_LABEL = r"(?!(?i:localhost)\Z)[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])"
_ADDRESS = re.compile(rf"(?!-)(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?:{_LABEL}\.)+{_TOP_LABEL}")


class AddressRefused(ValueError):
    """`code` is one of: empty, malformed, several, not_ascii_local."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_address(typed: str) -> str:
    """The one string that is compared, stored and mailed: as typed, with the domain in lower case.

    Nothing is trimmed or mended here; a form that forgives pasted blanks strips them first.
    """
    if not typed.strip():
        raise AddressRefused("empty")
    if not _conforms(typed):
        raise AddressRefused(_why(typed))
    local, _, domain = typed.partition("@")
    return f"{local}@{domain.lower()}"


def is_inside(address: str, *, domains: Sequence[str]) -> bool:
    """Whether the domain is one of `domains`; ".example.se" stands for example.se and all below it.

    Anything that `read_address` would refuse is outside.
    """
    if not _conforms(address):
        return False
    domain = address.partition("@")[2].lower()
    return any(_admits(entry.lower(), domain) for entry in domains)


def canonical(address: str) -> str:
    """The key of a mailbox, for limits and for "the same person": lower case, without a +tag."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


def _conforms(text: str) -> bool:
    if len(text) > LONGEST_ADDRESS:
        return False
    match = _ADDRESS.fullmatch(text)
    return match is not None and len(match["local"]) <= LONGEST_LOCAL


def _admits(entry: str, domain: str) -> bool:
    if entry.startswith("."):
        return f".{domain}".endswith(entry)
    return entry == domain


def _why(typed: str) -> str:
    if sum("@" in part for part in re.split(r"[,; ]+", typed)) > 1:
        return "several"
    local, at, domain = typed.rpartition("@")
    unaccented = "".join("a" if _is_foreign_letter(sign) else sign for sign in local)
    if unaccented != local and _conforms(unaccented + at + domain):
        return "not_ascii_local"
    return "malformed"


def _is_foreign_letter(sign: str) -> bool:
    return not sign.isascii() and unicodedata.category(sign)[0] in "LM"

"""Email addresses: the accepted grammar, which are inside, and when two of them are one mailbox."""

import re
import unicodedata
from collections.abc import Sequence

LONGEST_ADDRESS = 254
LONGEST_LOCAL = 64

# Narrower than RFC 5321 on purpose: some relays read quotes, comments, %, ! and = as an instruction to
# send the message elsewhere, and some programs read a leading dash as an option.
_ATOM = r"[A-Za-z0-9_+'&~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP_LABEL = r"(?!(?i:localhost)\Z)[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])"
_ADDRESS = re.compile(rf"(?!-)(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?:{_LABEL}\.)+{_TOP_LABEL}")


class AddressRefused(ValueError):
    """The text is not an address that we accept; `code`: empty, malformed, several or not_ascii_local."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_address(typed: str) -> str:
    """The form of the address that is compared, stored and mailed: as typed, with the domain in lower case.

    Nothing is trimmed: a form that accepts pasted blanks strips them first. Raises AddressRefused.
    """
    if not typed.strip():
        raise AddressRefused("empty")
    if not _conforms(typed):
        raise AddressRefused(_fault_code(typed))
    local, _, domain = typed.partition("@")
    return f"{local}@{domain.lower()}"


def is_inside(address: str, *, domains: Sequence[str]) -> bool:
    """Whether the domain is one of `domains`; ".example.se" means example.se and every subdomain.

    An address that `read_address` would refuse is outside.
    """
    if not _conforms(address):
        return False
    domain = address.partition("@")[2].lower()
    return any(_matches(entry.lower(), domain) for entry in domains)


def canonical(address: str) -> str:
    """The key of a mailbox, for limits and to tell the same person: lower case, without a +tag."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


def _conforms(text: str) -> bool:
    if len(text) > LONGEST_ADDRESS:
        return False
    match = _ADDRESS.fullmatch(text)
    return match is not None and len(match["local"]) <= LONGEST_LOCAL


def _matches(entry: str, domain: str) -> bool:
    if entry.startswith("."):
        return f".{domain}".endswith(entry)
    return entry == domain


def _fault_code(typed: str) -> str:
    if sum("@" in part for part in re.split(r"[,; ]+", typed)) > 1:
        return "several"
    local, at, domain = typed.rpartition("@")
    unaccented = "".join("a" if _is_non_ascii_letter(char) else char for char in local)
    if unaccented != local and _conforms(unaccented + at + domain):
        return "not_ascii_local"
    return "malformed"


def _is_non_ascii_letter(char: str) -> bool:
    return not char.isascii() and unicodedata.category(char)[0] in "LM"

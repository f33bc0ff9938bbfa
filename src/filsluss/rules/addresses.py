"""Email addresses: the accepted grammar, which are inside, and when two of them are one mailbox."""

import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import unquote

import idna

LONGEST_ADDRESS = 254
LONGEST_LOCAL = 64
_LONGEST_LABEL = 63

# Narrower than RFC 5321 on purpose: some relays read quotes, comments, %, ! and = as an instruction to
# send the message elsewhere, and some programs read a leading dash as an option.
_ATOM = r"[A-Za-z0-9_+'&~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP_LABEL = r"(?!(?i:localhost)\Z)[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])"
_ANYWHERE = re.compile(r"[^\s@<>\"(),:;]+@[^\s@<>\"(),:;]+")
_ADDRESS = re.compile(rf"(?!-)(?P<local>{_ATOM}(?:\.{_ATOM})*)@(?:{_LABEL}\.)+{_TOP_LABEL}")

# What mail programs copy with an address: "Ek, Bo (Kund) <bo@a.se>", "Bo [mailto:bo@a.se]", "bo@a.se (Bo)".
_NAMED = re.compile(
    r"[^<>@]*<([^<>]*)>"
    r"|[^<>@\[\]()]*(?:\[([^\[\]]*@[^\[\]]*)\]|\(([^()]*@[^()]*)\))"
    r"|([^\s<>()@]+@[^\s<>()@]+) \([^<>()@]*\)"
)
# Outlook writes an address that has no name twice: "bo@a.se <bo@a.se>", "bo@a.se<mailto:bo@a.se>".
_TWICE = re.compile(r"(?P<shown>[^\s<>]+)\s?<(?i:mailto:)?(?P<meant>[^<>]+)>")
_MAILTO = re.compile(r"(?i:mailto:)([^?]*)(?:\?.*)?")
_SMTP = re.compile(r"(?i:smtp:)(.*)")
"""How directories of Exchange write an address."""
# Controls, formats, separators and unassigned code points; and letters and marks that have no shape.
_UNSEEN = ("Cc", "Cf", "Cn", "Co", "Zl", "Zp", "Zs")
_UNSEEN_LETTERS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0" + "".join(
    map(chr, range(0xFE00, 0xFE10))
)
_QUOTES = (
    "''",
    '""',
    "<>",
    "\u2018\u2019",
    "\u201c\u201d",
    "\u201d\u201d",
    "\u2019\u2019",
    "\u201e\u201c",
    "\u00ab\u00bb",
)
_BLANKS = " \t\r\n\u00a0\u2007\u202f"


class AddressRefused(ValueError):
    """The text is not an address that we accept.

    `code`: empty, malformed, several, not_ascii_local, or unseen (`unseen_sign` says which).
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_address(typed: str) -> str:
    """The form of the address that is compared, stored and mailed: as typed, its domain in lower case.

    A domain with other letters than a-z becomes its A-labels (IDNA 2008, RFC 5891). Nothing is trimmed: a
    form gives what `pasted_address` returns. Raises AddressRefused.
    """
    if not typed.strip(_BLANKS):
        raise AddressRefused("empty")
    local, at, domain = typed.rpartition("@")
    address = f"{local}{at}{ascii_domain(domain)}"
    if not _conforms(address) or not _has_valid_a_labels(address):
        raise AddressRefused(_fault_code(typed))
    local, _, domain = address.partition("@")
    return f"{local}@{domain.lower()}"


def pasted_address(text: str) -> str:
    """The address in what mail programs copy: without blanks, name, quotes, `mailto:` and a last `;`.

    An address that stands there twice is that address; two different ones stay two.

    Any other text is returned as it is but for the blanks around it, so that `read_address` refuses it.
    """
    bare = text.strip(_BLANKS)
    if unseen_sign(bare):
        return bare
    bare = bare.rstrip(";,").rstrip(_BLANKS)
    twice = _TWICE.fullmatch(bare)
    if twice and _unquoted(twice["shown"]).lower() == twice["meant"].lower():
        return twice["meant"]
    for form in (_MAILTO, _NAMED, _MAILTO, _SMTP):
        if found := form.fullmatch(bare):
            bare = found[found.lastindex or 0].strip(_BLANKS)
            bare = unquote(bare) if form is _MAILTO else bare  # RFC 6068, 2
    return _unquoted(bare)


def _unquoted(text: str) -> str:
    return text[1:-1].strip(_BLANKS) if len(text) > 2 and text[0] + text[-1] in _QUOTES else text


def ascii_domain(domain: str) -> str:
    """The domain with each label that has other characters than ASCII as its A-label.

    Strict IDNA 2008 after lower case and NFC, without any other mapping: no spelling with another character
    becomes an ASCII label. What cannot be converted is returned unchanged, and no grammar accepts it.
    """
    if domain.isascii():
        return domain
    try:
        return ".".join(label if label.isascii() else _a_label(label) for label in domain.split("."))
    except (idna.IDNAError, ValueError):
        return domain


def _a_label(label: str) -> str:
    """Raises ValueError or idna.IDNAError for what IDNA 2008 does not allow, or what folds into ASCII."""
    plain = unicodedata.normalize("NFC", label.lower())
    if any(_folds_into_ascii(char) for char in label) or len(label) > _LONGEST_LABEL:
        raise ValueError(label)
    return idna.alabel(plain).decode("ascii")


def _folds_into_ascii(char: str) -> bool:
    """Whether lower case or NFC turns the character (the Kelvin sign, a dotted capital I) into ASCII."""
    folded = unicodedata.normalize("NFC", char.lower())
    return not char.isascii() and any(each.isascii() for each in folded)


def _has_valid_a_labels(address: str) -> bool:
    """Whether each label that begins with xn-- is what IDNA 2008 makes of some label (RFC 5890, 2.3.2.1)."""
    try:
        for label in address.lower().rpartition("@")[2].split("."):
            if label.startswith("xn--"):
                idna.ulabel(label)
    except (idna.IDNAError, ValueError):
        return False
    return True


def unseen_sign(text: str) -> str:
    """The first character of the text that cannot be seen, such as a zero-width space; else ""."""
    return next((char for char in text if char not in _BLANKS and _is_unseen(char)), "")


def _is_unseen(char: str) -> bool:
    return unicodedata.category(char) in _UNSEEN or char in _UNSEEN_LETTERS


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


def masked_address(address: str) -> str:
    """The address as somebody reads it who may not know whose it is: `a…@region.example`."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}" if local else address


def masked_text(text: str) -> str:
    """The text with every address in it masked."""
    return _ANYWHERE.sub(lambda found: masked_address(found[0]), text)


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
    if unseen_sign(typed):
        return "unseen"
    local, at, domain = typed.rpartition("@")
    domain = ascii_domain(domain)
    unaccented = "".join("a" if _is_non_ascii_letter(char) else char for char in local)
    if unaccented != local and _conforms(unaccented + at + domain):
        return "not_ascii_local"
    return "malformed"


def _is_non_ascii_letter(char: str) -> bool:
    return not char.isascii() and unicodedata.category(char)[0] in "LM"

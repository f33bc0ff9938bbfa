"""How the text of each setting is read; a ValueError or OSError says in words what is wrong with it."""

import re
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from filsluss.languages import LANGUAGES
from filsluss.rules.addresses import AddressRefused, read_address, unseen_sign
from filsluss.rules.formats import parse_size
from filsluss.rules.hosts import is_host, normal_url
from filsluss.rules.networks import Network, parse_networks
from filsluss.scanners.clamd import Clamd

LONGEST_NAME = 100
WIDEST = {4: 8, 6: 7}
"""Fewest fixed bits of a network that is trusted: 10.0.0.0/8 and fc00::/7 are the widest private ones."""
PUBLIC_IPV6 = ip_network("2000::/3")
WIDEST_PUBLIC = 24
"""Fewest fixed bits of one of those: 2a00::/12 is Europe, and an organisation has 29 or more."""
HOLDING_IPV4 = (ip_network("64:ff9b::/96"), ip_network("2002::/16"))
"""IPv6 networks that hold all of IPv4 (RFC 6052, RFC 3056)."""
NO_ZONES = ("posix/", "right/", "posixrules", "localtime", "Factory")
"""Files beside those of the zones: links, and clocks that count leap seconds, or none at all."""
QUOTES = "\"'`\u00b4\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb"
CONTROL = re.compile("[\x00-\x1f\x7f]")


def one_line(value: str) -> str:
    """A text without signs that nobody sees; of a list, a new line may follow a comma.

    A line break that stands anywhere else comes from a quote that was not closed, and Python's reader of URLs
    drops it in silence.
    """
    if CONTROL.search(re.sub(r",\s+", ",", value)) or unseen_sign(value):
        raise ValueError("must be one line, without signs that nobody sees, such as a byte order mark")
    return value


def integer(minimum: int, maximum: int) -> Callable[[str], int]:
    """A reader of whole numbers, in the digits 0 to 9 and nothing else, within these bounds."""

    def number(value: str) -> int:
        if not re.fullmatch("-?[0-9]{1,18}", value) or not minimum <= int(value) <= maximum:
            raise ValueError(f"must be a whole number from {minimum} to {maximum}")
        return int(value)

    return number


def minutes(minimum: int, maximum: int) -> Callable[[str], timedelta]:
    """A reader of spans of time that are written as whole minutes."""
    whole = integer(minimum, maximum)
    return lambda value: timedelta(minutes=whole(value))


def hours(minimum: int, maximum: int) -> Callable[[str], timedelta]:
    """A reader of spans of time that are written as whole hours."""
    whole = integer(minimum, maximum)
    return lambda value: timedelta(hours=whole(value))


def percent(value: str) -> float:
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,6})?%", value):
        raise ValueError("must be a percentage like 5%, from 0% to below 100%")
    return float(value.removesuffix("%"))


def size(minimum: int, maximum: int) -> Callable[[str], int]:
    """A reader of sizes such as 2GiB within these bounds, which are whole MiB."""

    def number(value: str) -> int:
        if not minimum <= parse_size(value) <= maximum:
            raise ValueError(f"must be from {minimum >> 20} MiB to {maximum >> 40} TiB")
        return parse_size(value)

    return number


def comma_list(value: str) -> tuple[str, ...]:
    """What stands between the commas; nothing at all is none, but a comma alone is a mistake."""
    found = tuple(part.strip() for part in value.split(",") if part.strip())
    if value.strip() and not found:
        raise ValueError("has commas and nothing between them")
    return found


def name(value: str) -> str:
    """A name as people see it: one line, of at most LONGEST_NAME signs."""
    if len(value) > LONGEST_NAME or not value.isprintable() or unseen_sign(value):
        raise ValueError(f"must be one line of at most {LONGEST_NAME} printable signs")
    if len(value) > 1 and value[0] in QUOTES and value[-1] in QUOTES:
        raise ValueError("begins and ends with a quote, which would be shown: leave both out")
    if "\ufffd" in value:
        raise ValueError("holds a letter that was lost when the file was saved: save it as UTF-8")
    return value


def preposition(value: str) -> str:
    """A word or two, such as `hos`."""
    if len(value) > 20 or not all(word.isalpha() for word in value.split(" ")):
        raise ValueError("must be a word such as hos, i or på")
    return value


def networks(value: str) -> tuple[Network, ...]:
    """Networks whose clients are trusted with something: none may hold a large part of the internet."""
    found = parse_networks(comma_list(value))
    for network in found:
        holding = [each.prefixlen for each in HOLDING_IPV4 if network.overlaps(each)]
        is_public = network.version == 6 and network.overlaps(PUBLIC_IPV6)
        fewest = WIDEST_PUBLIC if is_public else WIDEST[network.version]
        fewest = holding[0] + WIDEST[4] if holding else fewest
        if network.prefixlen < fewest:
            raise ValueError(f"{network} is too wide: it holds machines of strangers")
        if network.network_address.is_unspecified:
            raise ValueError(f"{network} is no network that a client can be in")
    return found


def secret(value: str) -> str:
    """A key, which is a line of its own even after a comma: with another sign it would be another key."""
    if CONTROL.search(value):
        raise ValueError("must be one line")
    return value


def secrets(value: str) -> tuple[str, ...]:
    return comma_list(secret(value))


def addresses(value: str) -> tuple[str, ...]:
    return tuple(address(each) for each in comma_list(value))


def scanner(value: str) -> Clamd | None:
    """Where clamd is; None if the setting is empty."""
    if not value:
        return None
    clamd = Clamd.at(value)
    if not isinstance(clamd.where, str) and not is_host(clamd.where[0]):
        raise ValueError("must be unix:/path or tcp:host:port")
    return clamd


def domains(value: str) -> tuple[str, ...]:
    """Domains in lower case, other letters than a-z as A-labels; a leading dot stays."""
    return tuple("." * part.startswith(".") + _domain(part.removeprefix(".")) for part in comma_list(value))


def _domain(name: str) -> str:
    try:
        return read_address(f"x@{name}").partition("@")[2]
    except AddressRefused:
        raise ValueError(f"{name!r} is not a domain such as region.example") from None


def has_host(url: str) -> bool:
    """Whether the URL names a host, and no port that is none."""
    try:
        parts = urlsplit(url)
        return is_host((parts.hostname or "").removesuffix(".")) and parts.port != 0
    except ValueError:
        return False


def site(value: str) -> str:
    parts = urlsplit(value)
    bare = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    ascii_host = re.fullmatch(r"[a-z0-9.:\[\]-]+", parts.netloc.lower())  # IDNA in ASCII, as browsers send it
    if (
        parts.scheme not in ("http", "https")
        or not bare
        or not ascii_host
        or not has_host(value)
        or parts.hostname in ("0.0.0.0", "::")  # noqa: S104 where a server listens; nobody opens it
    ):
        raise ValueError("must be scheme and host, like https://fts.example.se")
    return normal_url(parts.scheme, parts.netloc)


def language(value: str) -> str:
    if value not in LANGUAGES:
        raise ValueError(f"must be {' or '.join(sorted(LANGUAGES, reverse=True))}")
    return value


def zone(value: str) -> ZoneInfo:
    try:
        if value.startswith(NO_ZONES):
            raise ValueError
        return ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        raise ValueError("is not in this machine's tz database (apt-get install tzdata)") from None


def address(value: str) -> str:
    try:
        return read_address(value) if value else ""
    except AddressRefused:
        raise ValueError("is not an email address") from None


def smtp(url: str) -> dict[str, Any]:
    """Django's mail settings from smtp://, smtps:// or smtp+starttls://user:pass@host:port."""
    ports = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    whole = not (parts.path.strip("/") or parts.query or parts.fragment) and port != 0
    if not host or not is_host(host) or parts.scheme not in ports or not whole:
        raise ValueError(
            "must be smtp://, smtps:// or smtp+starttls:// and host:port; / : @ in a password as %2F …"
        )
    user, password = _unquoted(parts.username), _unquoted(parts.password)
    if bool(user) != bool(password):
        raise ValueError("has a user without a password, or a password without a user")
    return {
        "EMAIL_HOST": host,
        "EMAIL_PORT": port or ports[parts.scheme],
        "EMAIL_HOST_USER": user,
        "EMAIL_HOST_PASSWORD": password,
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp+starttls",
    }


def _unquoted(part: str | None) -> str:
    """A user or a password of a URL (RFC 3986, 2.1), whose percent-encodings are UTF-8 and no controls."""
    try:
        text = unquote(part or "", errors="strict")
    except UnicodeDecodeError:
        text = "\0"
    if CONTROL.search(text):
        raise ValueError("has a user or a password that is no text; % in it as %25")
    return text


def helo_name(value: str) -> str:
    """A full name or an address in brackets, as EHLO takes it (RFC 5321, 4.1.3); empty for the default."""
    literal = re.fullmatch(r"\[(IPv6:)?([0-9A-Fa-f.:]+)\]", value)
    if literal and ip_address(literal[2]).version == (6 if literal[1] else 4):
        return value
    label = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    if value and (len(value) > 253 or not re.fullmatch(rf"({label}\.)+(?=[A-Za-z]){label}", value)):
        raise ValueError("must be a full name such as fts.example.se, or an address such as [192.0.2.1]")
    return value


def accel(value: str) -> str:
    if value not in ("", "nginx"):
        raise ValueError("must be nginx, or empty")
    return value


def log_form(value: str) -> str:
    if value not in ("pairs", "json"):
        raise ValueError("must be pairs or json")
    return value


def node_name(text: str) -> str:
    """The name of a machine: letters, digits, dots and hyphens, 64 at most."""
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?", text):
        raise ValueError("is no name of a machine: up to 64 letters, digits, dots and hyphens")
    return text

"""How the text of each setting is read; a ValueError or OSError says in words what is wrong with it."""

import re
from collections.abc import Callable
from datetime import timedelta
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

import dj_database_url

from filsluss.blobs.bucket_address import BucketAddress
from filsluss.postgresql import POOL
from filsluss.rules.addresses import AddressRefused, read_address
from filsluss.rules.contrast import read_colour
from filsluss.rules.formats import parse_size
from filsluss.rules.hosts import normal_url
from filsluss.rules.logo import MAX_BYTES as LOGO_MAX
from filsluss.rules.logo import Logo, read_logo
from filsluss.rules.networks import Network, parse_networks
from filsluss.scanners.clamd import Clamd

LONGEST_NAME = 100
WIDEST = {4: 8, 6: 7}
"""Fewest fixed bits of a network that is trusted: 10.0.0.0/8 and fc00::/7 are the widest private ones."""
HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+", re.IGNORECASE)


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
    if len(value) > LONGEST_NAME or not value.isprintable():
        raise ValueError(f"must be one line of at most {LONGEST_NAME} printable signs")
    return value


def networks(value: str) -> tuple[Network, ...]:
    """Networks whose clients are trusted with something: none may hold a large part of the internet."""
    found = parse_networks(comma_list(value))
    for network in found:
        if network.prefixlen < WIDEST[network.version]:
            raise ValueError(f"{network} is too wide: it holds machines of strangers")
    return found


def addresses(value: str) -> tuple[str, ...]:
    return tuple(address(each) for each in comma_list(value))


def scanner(value: str) -> Clamd | None:
    return Clamd.at(value) if value else None


def domains(value: str) -> tuple[str, ...]:
    """Domains in lower case, other letters than a-z as A-labels; a leading dot stays."""
    return tuple("." * part.startswith(".") + _domain(part.removeprefix(".")) for part in comma_list(value))


def _domain(name: str) -> str:
    try:
        return read_address(f"x@{name}").partition("@")[2]
    except AddressRefused:
        raise ValueError(f"{name!r} is not a domain such as region.example") from None


def site(value: str) -> str:
    parts = urlsplit(value)
    bare = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    ascii_host = re.fullmatch(r"[a-z0-9.:\[\]-]+", parts.netloc.lower())  # IDNA in ASCII, as browsers send it
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or not bare
        or not ascii_host
        or parts.port == 0
    ):
        raise ValueError("must be scheme and host, like https://fts.example.se")
    return normal_url(parts.scheme, parts.netloc)


def language(value: str) -> str:
    if value not in ("sv", "en"):
        raise ValueError("must be sv or en")
    return value


def zone(value: str) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        raise ValueError("is not in this machine's tz database (apt-get install tzdata)") from None


def address(value: str) -> str:
    try:
        return read_address(value) if value else ""
    except AddressRefused:
        raise ValueError("is not an email address") from None


def sqlite(data_dir: Path) -> dict[str, Any]:
    """Django's settings of SQLite, durable through a power cut."""
    options = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
        "PRAGMA secure_delete=ON;",
    }
    return {
        "ENGINE": "filsluss.sqlite",
        "NAME": str(data_dir / "filsluss.sqlite3"),
        "OPTIONS": options,
        "TEST": {"NAME": str(data_dir / "test.sqlite3")},
    }


def postgresql(url: str) -> dict[str, Any] | None:
    """Django's settings of the database of the URL; None if it is empty.

    The parser's own error is not shown: it may contain a part of the password.
    """
    if not url:
        return None
    if urlsplit(url).scheme not in ("postgresql", "postgres"):
        raise ValueError("must begin with postgresql://")
    try:
        database = dict(dj_database_url.parse(url, engine="filsluss.postgresql", conn_max_age=0))
    except ValueError:
        raise ValueError(
            "must be postgresql://user:password@host/name; / : @ in a password as %2F …"
        ) from None
    if not database["NAME"]:
        raise ValueError("names no database: postgresql://host/name")
    options: Any = database.get("OPTIONS", {})
    return {**database, "OPTIONS": {**options, "pool": POOL}}


def smtp(url: str) -> dict[str, Any]:
    """Django's mail settings from smtp://, smtps:// or smtp+starttls://user:pass@host:port."""
    ports = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    whole = not (parts.path.strip("/") or parts.query or parts.fragment) and port != 0
    if not host or not HOST.fullmatch(host) or parts.scheme not in ports or not whole:
        raise ValueError(
            "must be smtp://, smtps:// or smtp+starttls:// and host:port; / : @ in a password as %2F …"
        )
    return {
        "EMAIL_HOST": host,
        "EMAIL_PORT": port or ports[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp+starttls",
    }


def helo_name(value: str) -> str:
    """A full name or an address in brackets, as EHLO takes it (RFC 5321, 4.1.3); empty for the default."""
    literal = re.fullmatch(r"\[(IPv6:)?([0-9A-Fa-f.:]+)\]", value)
    if literal and ip_address(literal[2]).version == (6 if literal[1] else 4):
        return value
    label = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    if value and (len(value) > 253 or not re.fullmatch(rf"({label}\.)+(?=[A-Za-z]){label}", value)):
        raise ValueError("must be a full name such as fts.example.se, or an address such as [192.0.2.1]")
    return value


def blob_url(value: str) -> str:
    """file:///folder, or s3://bucket, which needs a package that is not always there."""
    if value.startswith("s3:"):
        BucketAddress.of(value)
        if find_spec("boto3") is None:
            raise ValueError("needs boto3: install filsluss[s3]")
    elif not value.startswith("file:///"):
        raise ValueError("must begin with file:/// or s3://")
    return value


def accel(value: str) -> str:
    if value not in ("", "nginx"):
        raise ValueError("must be nginx, or empty")
    return value


def accent(value: str) -> str:
    return read_colour(value) if value else ""


def logo(value: str) -> Logo | None:
    if not value:
        return None
    with open(value, "rb") as file:
        return read_logo(file.read(LOGO_MAX + 1))

"""The host of a request against the host of the installation: names and ports, with defaults filled in."""

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from filsluss.rules.origins import PORTS

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]*[a-z0-9_-])\.?(?::(?P<port>[0-9]{1,5})?)?")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMBER = re.compile(r"\[[0-9a-f:.]+\]|[0-9]+(?:\.[0-9]+){3}")

Host = tuple[str, int]


def read_host(host: str, scheme: str) -> Host | None:
    """Name in lower case and port of a Host header (RFC 9110, 7.2); None for what is no host.

    A name may end with the dot of the root; without a port, or with an empty one, it is the scheme's.
    """
    match = _HOST.fullmatch(host.lower())
    if match is None:
        return None
    try:
        name = f"[{IPv6Address(match['name'][1:-1])}]" if host.startswith("[") else match["name"]
    except ValueError:
        return None
    return name, int(match["port"] or PORTS[scheme])


@lru_cache(maxsize=64)
def is_same_host(host: str, base_url: str) -> bool:
    """Whether the Host header names the host of `base_url`."""
    own = urlsplit(base_url)
    named = read_host(host, own.scheme)
    return named is not None and named == read_host(own.netloc, own.scheme)


def is_host(text: str) -> bool:
    """Whether it is an IP address, or a name (RFC 1123, 2.1), in which underscores are accepted.

    One that ends in a number is none: browsers take it for an IPv4 address (WHATWG URL, "host parsing").
    """
    try:
        return bool(ip_address(text))
    except ValueError:
        ends_in_number = re.fullmatch(r"[0-9]+|0x[0-9a-f]*", text.lower().rpartition(".")[2])
        return len(text) <= 253 and bool(_NAME.fullmatch(text.lower())) and not ends_in_number


def has_root_dot(host: str) -> bool:
    """Whether the name ends with the dot of the root: to a browser a page there is one of another site."""
    return host.partition(":")[0].endswith(".")


def is_loopback_name(host: str) -> bool:
    """Whether it is a name of the machine itself, whatever the port."""
    named = read_host(host, "http")
    return named is not None and named[0] in LOOPBACK


def is_number(host: str) -> bool:
    """Whether it is an IP address and no name, whatever the port."""
    named = read_host(host, "http")
    return named is not None and bool(_NUMBER.fullmatch(named[0]))


def normal_url(scheme: str, netloc: str) -> str:
    """`scheme://host` in lower case, without the scheme's own port and the dot of the root.

    Raises ValueError for what is no host.
    """
    found = read_host(netloc, scheme)
    if found is None:
        raise ValueError("names no host")
    name, port = found
    return f"{scheme}://{name}" + ("" if port == PORTS[scheme] else f":{port}")

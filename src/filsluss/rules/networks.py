"""Network addresses: which client a request comes from, whether it is inside, and the key of its limits."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
TRANSLATED = IPv6Network("64:ff9b::/96")


FORWARDED_FOR = "HTTP_X_FORWARDED_FOR"
OTHER_FORWARDING = (
    *("HTTP_FORWARDED", "HTTP_X_FORWARDED", "HTTP_FORWARDED_FOR", "HTTP_X_ORIGINAL_FORWARDED_FOR"),
    *("HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_PORT", "HTTP_X_FORWARDED_SERVER"),
    *("HTTP_X_FORWARDED_PREFIX", "HTTP_X_FORWARDED_SSL", "HTTP_X_REAL_IP", "HTTP_X_CLIENT_IP"),
    *("HTTP_CLIENT_IP", "HTTP_X_CLUSTER_CLIENT_IP", "HTTP_TRUE_CLIENT_IP", "HTTP_CF_CONNECTING_IP"),
    *("HTTP_FASTLY_CLIENT_IP", "HTTP_X_AZURE_CLIENTIP", "HTTP_X_ENVOY_EXTERNAL_ADDRESS"),
)
"""The headers in which a proxy speaks for its client, by their names in WSGI; none of them is believed."""


@dataclass(frozen=True)
class Client:
    """`address` is the farthest one that trusted proxies report, else the peer's; None if it has none."""

    address: str | None
    may_be_inside: bool


def client_of(
    *, peer: str, forwarded_for: str | None, other_forwarding: bool, trusted: Sequence[Network]
) -> Client:
    """The client in front of the trusted proxies.

    `other_forwarding`: the request has a forwarding header other than X-Forwarded-For.
    """
    nearest = _read(peer)
    if nearest is None:
        return Client(None, may_be_inside=False)
    if not _is_among(nearest, trusted):
        return Client(str(nearest), may_be_inside=forwarded_for is None and not other_forwarding)
    return _behind_proxies(nearest, forwarded_for or "", trusted)


def has_other_forwarding(environ: Container[str]) -> bool:
    """Whether a request with these WSGI variables has a forwarding header that is never believed."""
    return any(name in environ for name in OTHER_FORWARDING)


def is_trusted_proxy(peer: str, *, trusted: Sequence[Network]) -> bool:
    """Whether what this peer says about its client may be believed."""
    address = _read(peer)
    return address is not None and _is_among(address, trusted)


def cut_network(text: str) -> str:
    """The /24 or /48 that holds an address or a network; any other text, or a larger network, as it is."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return text
    length = 24 if network.version == 4 else 48
    return str(network.supernet(new_prefix=length)) if network.prefixlen > length else text


def is_inside_network(client: Client, *, networks: Sequence[Network]) -> bool:
    if client.address is None or not client.may_be_inside:
        return False
    address = _read(client.address)
    return address is not None and _is_among(address, networks)


def rate_key(address: str | None) -> str:
    """The key that limits count by: the IPv4 address, or the /64 of an IPv6 address, which one client owns.

    Behind a translator (RFC 6052, 2.1) every IPv4 client has an address of one /64: the IPv4 address in it
    counts. Clients without a known address share one key.
    """
    parsed = _read(address or "")
    if parsed is None:
        return "unknown"
    if parsed in TRANSLATED:
        parsed = IPv4Address(int(parsed) & 0xFFFFFFFF)
    return str(ip_network((parsed, 32 if parsed.version == 4 else 64), strict=False))


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    return tuple(_network(text.strip()) for text in texts if text.strip())


def _behind_proxies(nearest: Address, forwarded_for: str, trusted: Sequence[Network]) -> Client:
    """The right-most untrusted entry: each proxy appends the address that it was called from."""
    for entry in reversed(forwarded_for.split(",")):
        seen = _read(_without_port(entry.strip()))
        if seen is None:
            break
        nearest = seen
        if not _is_among(seen, trusted):
            return Client(str(seen), may_be_inside=True)
    return Client(str(nearest), may_be_inside=False)


@lru_cache(maxsize=1024)
def _read(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0])  # a zone id has a meaning on its own machine only
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _without_port(entry: str) -> str:
    """Some proxies write 192.0.2.7:50123 or [2001:db8::7]:50123."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry


def _is_among(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _network(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a network such as 10.0.0.0/8 or 2001:db8::/32: {error}") from None
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is not None and network.prefixlen >= 96:
        return IPv4Network((mapped, network.prefixlen - 96))
    return network

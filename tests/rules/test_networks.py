"""Networks: no header puts a client inside, and nobody escapes a limit by changing address."""

import re
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filsluss.rules.networks import Client, client_of, is_inside_network, parse_networks, rate_key

PROXIES = parse_networks(["10.0.0.0/24", "2001:db8:ff::/64"])
INSIDE = parse_networks(["10.0.0.0/8", "2001:db8::/32"])


def client(peer: str, forwarded_for: str | None = None, *, other: bool = False) -> Client:
    return client_of(peer=peer, forwarded_for=forwarded_for, other_forwarding=other, trusted=PROXIES)


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "expected"),
    [
        ("10.1.2.3", None, Client("10.1.2.3", True)),
        ("10.0.0.1", "10.1.2.3", Client("10.1.2.3", True)),
        ("10.0.0.1", "198.51.100.9, 10.1.2.3", Client("10.1.2.3", True)),
        ("10.0.0.1", "10.1.2.3, 198.51.100.9", Client("198.51.100.9", True)),
        ("10.0.0.1", "10.1.2.3, 10.0.0.2", Client("10.1.2.3", True)),
        ("10.0.0.1", "10.1.2.3, 2001:db8:ff::2, 10.0.0.2", Client("10.1.2.3", True)),
        ("::ffff:10.0.0.1", "::ffff:10.1.2.3", Client("10.1.2.3", True)),
        ("10.0.0.1", "10.1.2.3:50123", Client("10.1.2.3", True)),
        ("10.0.0.1", "[2001:db8::7]:50123", Client("2001:db8::7", True)),
        ("10.0.0.1", "fe80::1%eth0", Client("fe80::1", True)),
    ],
)
def test_the_client_is_the_rightmost_address_that_is_no_proxy_of_ours(
    peer: str, forwarded_for: str | None, expected: Client
) -> None:
    assert client(peer, forwarded_for) == expected


@pytest.mark.parametrize(
    ("forwarded_for", "address"),
    [
        (None, "10.0.0.1"),
        ("", "10.0.0.1"),
        ("10.0.0.2", "10.0.0.2"),
        ("unknown", "10.0.0.1"),
        ("10.1.2.3, garbage", "10.0.0.1"),
        ("10.1.2.3,", "10.0.0.1"),
        ("10.1.2.3, nonsense, 10.0.0.2", "10.0.0.2"),
        ("10.1.2.3 10.1.2.4", "10.0.0.1"),
        ("010.1.2.3", "10.0.0.1"),
    ],
)
def test_a_proxy_that_names_no_client_is_itself_never_inside(forwarded_for: str | None, address: str) -> None:
    found = client("10.0.0.1", forwarded_for)
    assert found == Client(address, False)
    assert not is_inside_network(found, networks=INSIDE)


@pytest.mark.parametrize(
    ("forwarded_for", "other"), [("10.1.2.3", False), ("", False), (None, True), ("10.1.2.3", True)]
)
def test_a_forwarded_header_from_an_untrusted_peer_puts_it_outside(
    forwarded_for: str | None, other: bool
) -> None:
    assert client("10.9.9.9", forwarded_for, other=other) == Client("10.9.9.9", False)


def test_other_forwarding_headers_of_a_trusted_proxy_change_nothing() -> None:
    assert client("10.0.0.1", "10.1.2.3", other=True) == Client("10.1.2.3", True)


@pytest.mark.parametrize("peer", ["", "unix:", "nonsense", "10.0.0.1.5"])
def test_a_peer_without_an_address_is_not_inside(peer: str) -> None:
    assert client(peer, "10.1.2.3") == Client(None, False)


@pytest.mark.parametrize(
    ("found", "inside"),
    [
        (Client("10.1.2.3", True), True),
        (Client("10.1.2.3", False), False),
        (Client("192.0.2.7", True), False),
        (Client("2001:db8:5::1", True), True),
        (Client("2001:db9::1", True), False),
        (Client(None, True), False),
    ],
)
def test_inside_is_an_inside_address_that_may_be_inside(found: Client, inside: bool) -> None:
    assert is_inside_network(found, networks=INSIDE) == inside


def test_with_no_networks_nobody_is_inside() -> None:
    assert not is_inside_network(Client("10.1.2.3", True), networks=())


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:0DB8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, "unknown"),
    ],
)
def test_a_limit_counts_one_ipv4_address_or_one_ipv6_64(address: str | None, key: str) -> None:
    assert rate_key(address) == key


@pytest.mark.parametrize("bad", ["10.0.0.1/8", "10.0.0.0/33", "example.se", "10.0.0.*"])
def test_a_network_that_cannot_be_read_is_named(bad: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(f"{bad!r} is not a network such as")):
        parse_networks(["192.0.2.0/24", bad])


def test_networks_are_read_with_their_blanks_and_mapped_ones_as_ipv4() -> None:
    assert parse_networks([" 192.0.2.7 ", "", "::ffff:10.0.0.0/104", "2001:db8::/32"]) == (
        ip_network("192.0.2.7/32"),
        ip_network("10.0.0.0/8"),
        ip_network("2001:db8::/32"),
    )


@given(st.text(), st.text() | st.none(), st.booleans())
def test_whatever_a_header_holds_the_client_has_an_address_or_none(
    peer: str, forwarded_for: str | None, other: bool
) -> None:
    found = client(peer, forwarded_for, other=other)
    assert (found.address is None) == (rate_key(found.address) == "unknown")


@given(st.lists(st.ip_addresses(v=4).map(str)))
def test_what_a_client_writes_left_of_the_proxies_entry_never_counts(forged: list[str]) -> None:
    assert client("10.0.0.1", ", ".join([*forged, "198.51.100.9"])) == Client("198.51.100.9", True)


def test_behind_a_translator_of_addresses_each_ipv4_client_counts_by_itself():
    assert rate_key("64:ff9b::198.51.100.7") == rate_key("198.51.100.7") == "198.51.100.7/32"
    assert rate_key("64:ff9b::198.51.100.8") == "198.51.100.8/32"
    assert rate_key("64:ff9b:1::198.51.100.8") == "64:ff9b:1::/64"

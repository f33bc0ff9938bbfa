"""Which Host headers name this installation: defaults are filled in, and nothing else is forgiven."""

import pytest

from filsluss.rules.hosts import (
    has_root_dot,
    is_loopback_name,
    is_number,
    is_same_host,
    normal_url,
)

SAME = [
    ("fts.example.se", "https://fts.example.se"),
    ("FTS.Example.SE", "https://fts.example.se"),
    ("fts.example.se:443", "https://fts.example.se"),
    ("fts.example.se:", "https://fts.example.se"),
    ("fts.example.se.", "https://fts.example.se"),
    ("fts.example.se.:443", "https://fts.example.se"),
    ("fts.example.se", "https://fts.example.se:443"),
    ("fts.example.se:80", "http://fts.example.se"),
    ("fts.example.se:8443", "https://fts.example.se:8443"),
    ("192.0.2.7:443", "https://192.0.2.7"),
    ("[2001:db8::7]", "https://[2001:db8::7]"),
    ("[2001:DB8:0::7]:443", "https://[2001:db8::7]"),
]
OTHERS = [
    ("", "https://fts.example.se"),
    (".", "https://fts.example.se"),
    (":443", "https://fts.example.se"),
    ("fts.example.se..", "https://fts.example.se"),
    ("fts.example.se:80", "https://fts.example.se"),
    ("fts.example.se:443", "http://fts.example.se"),
    ("fts.example.se", "https://fts.example.se:8443"),
    ("fts.example.se:4430", "https://fts.example.se"),
    ("fts.example.se:443:443", "https://fts.example.se"),
    ("fts.example.se:+443", "https://fts.example.se"),
    ("fts.example.se:٤٤٣", "https://fts.example.se"),
    ("fts.example.se@evil.example", "https://fts.example.se"),
    ("evil.example/fts.example.se", "https://fts.example.se"),
    ("fts.example.se.evil.example", "https://fts.example.se"),
    ("fts.example.se,evil.example", "https://fts.example.se"),
    ("fts.example.se evil.example", "https://fts.example.se"),
    ("fts.example.ſe", "https://fts.example.se"),
    ("2001:db8::7", "https://[2001:db8::7]"),
    ("[2001:db8::8]", "https://[2001:db8::7]"),
    ("[2001:db8::7", "https://[2001:db8::7]"),
]


@pytest.mark.parametrize(("host", "base_url"), SAME)
def test_ports_that_go_without_saying_the_dot_of_the_root_and_capitals_make_no_difference(host, base_url):
    assert is_same_host(host, base_url)


@pytest.mark.parametrize(("host", "base_url"), OTHERS)
def test_any_other_host_is_another(host, base_url):
    assert not is_same_host(host, base_url)


def test_a_number_and_a_name_of_loopback_are_told_from_names_that_look_like_them():
    assert [is_number(host) for host in ("10.0.0.7:8000", "[::1]", "[fe80::1]:8000")] == [True] * 3
    assert [is_number(host) for host in ("10.0.0.7.nip.example", "a.b.c.d", "::1", "")] == [False] * 4
    assert [is_loopback_name(host) for host in ("localhost:1", "127.0.0.1", "[::1]:8000")] == [True] * 3
    assert [is_loopback_name(host) for host in ("localhost.evil.example", "127.0.0.2", "")] == [False] * 3


def test_only_a_name_has_a_root_dot():
    assert [has_root_dot(host) for host in ("a.se.", "a.se.:443")] == [True] * 2
    assert [has_root_dot(host) for host in ("a.se", "a.se:443", "[::1]", "")] == [False] * 4


def test_an_address_is_written_without_what_goes_without_saying():
    assert normal_url("https", "FTS.example.se.:443") == "https://fts.example.se"
    assert normal_url("http", "fts.example.se:80") == "http://fts.example.se"
    assert normal_url("https", "fts.example.se:80") == "https://fts.example.se:80"
    assert normal_url("http", "[::1]:8000") == "http://[::1]:8000"
    for wrong in ("a..", "a:b", "", "[::1"):
        with pytest.raises(ValueError):
            normal_url("https", wrong)

"""A form from another site is not ours, whatever it is called; a program that says nothing is taken."""

import pytest

from filsluss.rules.origins import is_from_us

BASE = "https://fts.example.se"


@pytest.mark.parametrize(
    ("origin", "fetch_site", "ours"),
    [
        (None, None, True),
        ("https://fts.example.se", "same-origin", True),
        ("https://fts.example.se:443", None, True),
        ("HTTPS://FTS.EXAMPLE.SE", None, True),
        (None, "none", True),
        ("http://fts.example.se", None, False),
        ("https://fts.example.se.evil.com", None, False),
        ("https://evil.com", "same-origin", False),
        ("null", None, False),
        ("https://[", None, False),
        ("", None, False),
        ("https://fts.example.se", "cross-site", False),
        ("https://fts.example.se", "same-site", False),
        (None, "cross-site", False),
    ],
)
def test_who_may_send_a_form(origin, fetch_site, ours):
    assert is_from_us(origin=origin, fetch_site=fetch_site, base_url=BASE) is ours


def test_in_the_demo_every_name_of_this_machine_is_ours():
    for host in ("localhost", "127.0.0.1", "[::1]"):
        origin = f"http://{host}:8000"
        assert is_from_us(origin=origin, fetch_site=None, base_url="http://localhost:8000", on_loopback=True)
    assert not is_from_us(
        origin="http://127.0.0.1:8001", fetch_site=None, base_url="http://localhost:8000", on_loopback=True
    )

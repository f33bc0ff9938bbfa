"""/.well-known/security.txt: whom to tell of a weakness, as RFC 9116 wants it."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client as Browser

PATH = "/.well-known/security.txt"


def test_it_names_the_contact_and_is_good_for_less_than_a_year(settings):
    settings.POLICY = replace(
        settings.POLICY, support_email="it@region.example", base_url="https://fts.example.se"
    )
    answer = Browser().get(PATH)
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    fields = dict(line.split(": ", 1) for line in answer.content.decode().splitlines())
    expires = datetime.fromisoformat(fields.pop("Expires"))
    assert timedelta(days=30) < expires - datetime.now(UTC) < timedelta(days=365)
    assert fields == {
        "Contact": "mailto:it@region.example",
        "Preferred-Languages": "sv, en",
        "Canonical": f"https://fts.example.se{PATH}",
    }


@pytest.mark.parametrize("admins", [(), ("eva@region.example", "ivar@region.example")])
def test_without_a_support_address_it_is_the_first_administrators_or_there_is_none(settings, admins):
    settings.POLICY = replace(settings.POLICY, support_email="", admin_emails=admins)
    answer = Browser().get(PATH)
    assert answer.status_code == (200 if admins else 404)
    assert not admins or re.search(
        "^Contact: mailto:eva@region.example$", answer.content.decode(), re.MULTILINE
    )

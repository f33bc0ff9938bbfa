"""The organisation's branding: its colour without an inline style, its logo as an image, nothing more."""

import subprocess
import sys
from dataclasses import replace

import pytest
from django.conf import settings

from filsluss.ops.checks import check_branding
from filsluss.rules.contrast import dark_shades, light_shades
from filsluss.rules.logo import read_logo
from tests.parts.installation import environment

SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 40">'
    b'<style>rect{fill:red}</style><rect width="120" height="40"/></svg>'
)
IMMUTABLE = "public, max-age=31536000, immutable"


@pytest.fixture
def branded(settings):
    settings.POLICY = replace(settings.POLICY, accent="#FFCC00", logo=read_logo(SVG))
    return settings.POLICY


def test_without_a_colour_of_its_own_a_service_has_the_default_branding(inside, read):
    page = read(inside.get("/"))
    assert len(page.all("link", rel="stylesheet")) == 1
    (mark,) = page.all("img")
    assert (mark["src"].startswith("/static/filsluss/mark."), mark["width"], mark["height"]) == (
        True,
        "40",
        "40",
    )


def test_the_colour_reaches_a_page_as_a_sheet_of_its_own(inside, read, branded):
    sheet = read(inside.get("/")).all("link", rel="stylesheet")[-1]["href"]
    answer = inside.get(sheet)
    assert (answer.status_code, answer["Cache-Control"]) == (200, IMMUTABLE)
    assert answer["Content-Type"] == "text/css; charset=utf-8"
    text = answer.content.decode()
    assert f"--brand: {light_shades('#FFCC00').brand};" in text
    assert f"--brand: {dark_shades('#FFCC00').brand};" in text


def test_the_logo_is_a_picture_that_may_do_nothing(inside, read, branded):
    (logo,) = read(inside.get("/")).all("img")
    assert (logo["width"], logo["height"], logo["alt"]) == ("120", "40", "")
    answer = inside.get(logo["src"])
    assert (answer.content, answer["Content-Type"], answer["Cache-Control"]) == (
        SVG,
        "image/svg+xml",
        IMMUTABLE,
    )
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_the_mark_takes_the_colour_too(inside, read, branded):
    (icon,) = read(inside.get("/")).all("link", rel="icon")
    answer = inside.get(icon["href"])
    assert (
        light_shades("#FFCC00").brand in answer.content.decode(),
        "#00596E" in answer.content.decode(),
    ) == (True, False)
    assert inside.get("/favicon.ico")["Location"] == icon["href"]


def test_branding_of_an_earlier_configuration_is_404(inside, branded):
    assert [
        inside.get(f"/{name}").status_code for name in ("theme-000000000000.css", "logo-000000000000.svg")
    ] == [404, 404]


def test_a_colour_that_had_to_be_darkened_is_told(branded):
    assert (
        check_branding()
        == "FILSLUSS_ACCENT #FFCC00 is too light for readable text: pages use the darker #846805"
    )


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("ACCENT", "teal", "FILSLUSS_ACCENT: cannot read 'teal': must be a colour like #00596E"),
        ("LOGO", "/etc/hostname", "FILSLUSS_LOGO: cannot read '/etc/hostname': is neither PNG nor SVG"),
        ("LOGO", "/no/logo.png", "FILSLUSS_LOGO: cannot read '/no/logo.png': "),
        (
            "SUPPORT_EMAIL",
            "it stöd",
            "FILSLUSS_SUPPORT_EMAIL: cannot read 'it stöd': is not an email address",
        ),
    ],
)
def test_branding_that_cannot_be_read_stops_the_start_with_one_line(tmp_path, name, value, why):
    ran = subprocess.run(
        [sys.executable, "-m", "filsluss", "check"],
        env=environment(tmp_path, **{name: value}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, len(ran.stderr.splitlines()), ran.stdout) == (1, 1, "")
    assert why in ran.stderr


def test_a_policy_without_a_colour_needs_no_notice():
    assert (settings.POLICY.accent, check_branding()) == (
        "",
        "FILSLUSS_ACCENT is not set: Filsluss's own colour",
    )

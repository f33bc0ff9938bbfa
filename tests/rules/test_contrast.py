"""One colour becomes the shades that can be read, in the light and in the dark."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import filsluss
from filsluss.rules.contrast import (
    DARK_BACKGROUNDS,
    LIGHT_BACKGROUNDS,
    contrast,
    dark_shades,
    light_shades,
    read_colour,
    was_darkened,
)

SHEET = (Path(filsluss.__file__).parent / "static" / "filsluss" / "site.css").read_text()
COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06X}")


def tokens():
    """The colours that the sheet names, of the light and of the dark scheme; three digits stand for six."""
    light, dark = re.findall(r":root \{(.+?)\n\s*\}", SHEET, re.DOTALL)[:2]
    found = []
    for text in (light, dark):
        named = re.findall(r"--([\w-]+): (#[0-9a-f]+)", text)
        found.append({name: full(colour) for name, colour in named})
    return found[0], {**found[0], **found[1]}


def full(colour):
    return "#" + "".join(digit * 2 for digit in colour[1:]).upper() if len(colour) == 4 else colour.upper()


@given(COLOURS)
def test_every_colour_can_be_read_on_every_ground_and_be_written_on(accent):
    for shades, grounds in (
        (light_shades(accent), LIGHT_BACKGROUNDS),
        (dark_shades(accent), DARK_BACKGROUNDS),
    ):
        assert min(contrast(shades.brand, ground) for ground in grounds) >= 4.5
        assert contrast(shades.on_brand, shades.brand) >= 4.5
        assert contrast(shades.on_brand, shades.hover) >= 4.5


@given(COLOURS)
def test_a_colour_that_can_be_read_is_left_as_it_is(accent):
    readable = min(contrast(accent, ground) for ground in LIGHT_BACKGROUNDS) >= 4.5
    assert (light_shades(accent).brand == accent, was_darkened(accent)) == (readable, not readable)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#FFFFFF", "#000000", 21.0), ("#777777", "#FFFFFF", 4.48), ("#00596E", "#FFFFFF", 7.9)],
)
def test_contrast_is_what_wcag_says(one, other, ratio):
    assert contrast(one, other) == pytest.approx(ratio, abs=0.05)
    assert contrast(other, one) == contrast(one, other)


def test_yellow_becomes_a_yellow_that_can_be_read():
    assert (light_shades("#FFCC00").brand, dark_shades("#FFCC00").brand) == ("#846805", "#FFCC00")


@pytest.mark.parametrize("text", ["", "red", "#FFF", "00596E", "#00596E ", "#GG0000", "#00596EFF"])
def test_what_is_no_colour_is_refused(text):
    with pytest.raises(ValueError, match="must be a colour like #00596E"):
        read_colour(text)


def test_a_colour_is_read_in_either_case():
    assert read_colour("#ffcc0a") == "#FFCC0A"


def test_the_grounds_are_those_of_the_sheet():
    light, dark = tokens()
    names = ("bg", "surface", "surface-2")
    assert tuple(light[name] for name in names) == LIGHT_BACKGROUNDS
    assert tuple(dark[name] for name in names) == DARK_BACKGROUNDS


def test_every_pair_of_colours_of_the_sheet_can_be_told_apart():
    pairs = [
        ("text", ground) for ground in ("bg", "surface", "surface-2", "warn-bg", "err-bg", "info-bg", "ok-bg")
    ]
    pairs += [
        (text, ground) for text in ("muted", "link", "visited", "brand") for ground in ("bg", "surface")
    ]
    pairs += [(tone, ground) for tone in ("ok", "warn", "err", "info") for ground in ("bg", f"{tone}-bg")]
    pairs += [("link", "warn-bg"), ("link", "info-bg"), ("on-brand", "brand"), ("on-brand", "brand-hover")]
    edges = [
        ("border-strong", "bg"),
        ("border-strong", "surface"),
        ("brand", "track"),
        ("focus", "focus-ring"),
    ]
    for scheme in tokens():
        assert [pair for pair in pairs if contrast(scheme[pair[0]], scheme[pair[1]]) < 4.5] == []
        assert [pair for pair in edges if contrast(scheme[pair[0]], scheme[pair[1]]) < 3] == []

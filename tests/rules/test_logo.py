"""A logo is a PNG or an SVG of a modest size; anything else is refused with the reason."""

import struct

import pytest

from filsluss.rules.logo import MAX_BYTES, read_logo

NS = 'xmlns="http://www.w3.org/2000/svg"'


def png_head(width, height):
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\x08\x02\0\0\0"


@pytest.mark.parametrize(
    ("content", "kind", "width"),
    [
        (png_head(300, 100), "png", 120),
        (png_head(1, 1000), "png", 1),
        (f'<svg {NS} viewBox="0 0 240 80"/>'.encode(), "svg", 120),
        (f'<svg {NS} viewBox="0,0, 20 40"/>'.encode(), "svg", 20),
        (f'<svg {NS} width="30px" height="10"/>'.encode(), "svg", 120),
        (f'<svg {NS} width="100%" height="2em"/>'.encode(), "svg", 40),
        (f'<?xml version="1.0"?><!DOCTYPE svg><svg {NS}/>'.encode(), "svg", 40),
    ],
)
def test_a_picture_is_known_and_measured(content, kind, width):
    picture = read_logo(content)
    assert (picture.kind, picture.width_at(40), picture.content) == (kind, width, content)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "neither PNG nor SVG"),
        (b"GIF89a", "neither PNG nor SVG"),
        (b"<html><svg/></html>", "neither PNG nor SVG"),
        (b"<svg>", "neither PNG nor SVG"),
        (png_head(0, 10), "width or height is 0"),
        (b"\x89PNG\r\n\x1a\n<svg/>", "no PNG header"),
        (f'<!DOCTYPE svg [<!ENTITY a "b">]><svg {NS}/>'.encode(), "defines entities"),
        (b"x" * (MAX_BYTES + 1), "200,001 bytes; a logo can be up to 200,000"),
    ],
)
def test_what_is_no_logo_is_refused(content, why):
    with pytest.raises(ValueError, match=why):
        read_logo(content)

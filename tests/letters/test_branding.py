"""Branding of a letter: the organisation's colour where white can be read on it, and its logo."""

import base64
import re
import struct
import zlib
from dataclasses import replace

import pytest

from filsluss.letters.message import build_message
from filsluss.rules.contrast import contrast
from filsluss.rules.logo import read_logo
from tests.letters.cases import CASES, example_policy

pytestmark = pytest.mark.django_db
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 40"><rect width="120" height="40"/></svg>'


def png(width, height):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(b"".join(b"\0" + b"\xff\0\0" * width for _ in range(height)))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def written(now, **own):
    case = next(case for case in CASES if case.kind == "file-ready")
    letter = replace(case, policy=own).write("sv", now)
    return letter, build_message(letter, policy=example_policy(**own)).message()


def test_a_letter_uses_the_colour_that_white_can_be_read_on(now):
    letter, _ = written(now, accent="#FFCC00")
    (button,) = set(re.findall(r'bgcolor="(#\w+)"', letter.html))
    assert f"border-top:4px solid {button}" in letter.html
    assert (button == "#FFCC00", contrast(button, "#FFFFFF") >= 4.5) == (False, True)


def test_a_letter_carries_a_png_logo_with_it(now):
    picture = read_logo(png(120, 40))
    letter, message = written(now, logo=picture)
    assert '<img src="cid:logo" alt="Landstinget Dalarna" width="120" height="40">' in letter.html
    assert message.get_content_type() == "multipart/related"
    words, image = message.get_payload()
    assert [part.get_content_type() for part in words.get_payload()] == ["text/plain", "text/html"]
    assert (image["Content-ID"], image["Content-Disposition"]) == ("<logo>", "inline")
    assert base64.b64decode(image.get_payload()) == picture.content


def test_a_letter_shows_no_svg_which_mail_programs_do_not_draw(now):
    letter, message = written(now, logo=read_logo(SVG))
    assert ("<img" in letter.html, message.get_content_type()) == (False, "multipart/alternative")

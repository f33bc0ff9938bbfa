"""The organisation's logo: checks that it is a PNG or SVG that may be shown, and reads its aspect ratio."""

import re
import struct
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field

MAX_BYTES = 200 * 1000
PNG = b"\x89PNG\r\n\x1a\n"
SVG_TAG = "{http://www.w3.org/2000/svg}svg"


@dataclass(frozen=True)
class Logo:
    """`kind` is png or svg; `ratio` is width divided by height."""

    kind: str
    ratio: float
    content: bytes = field(repr=False)

    def width_at(self, height: int) -> int:
        """Pixels."""
        return max(1, round(self.ratio * height))


def read_logo(content: bytes) -> Logo:
    """The logo in these bytes; raises ValueError if they are too many, or neither PNG nor SVG."""
    if len(content) > MAX_BYTES:
        raise ValueError(f"is {len(content):,} bytes; a logo can be up to {MAX_BYTES:,}")
    if content.startswith(PNG):
        return Logo("png", png_ratio(content), content)
    return Logo("svg", svg_ratio(content), content)


def png_ratio(content: bytes) -> float:
    """From the IHDR chunk, which is always the first (PNG specification, 11.2.2)."""
    if content[12:16] != b"IHDR" or len(content) < 24:
        raise ValueError("has the signature of a PNG, but no PNG header")
    width, height = struct.unpack(">II", content[16:24])
    if not (width and height):
        raise ValueError("is a PNG whose width or height is 0")
    return float(width / height)


def svg_ratio(content: bytes) -> float:
    """From viewBox, else from width and height, else 1. Refuses entities: they can expand without limit."""
    if b"<!ENTITY" in content.upper():
        raise ValueError("is an SVG that defines entities; save it as plain SVG")
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - it defines no entities
    except ElementTree.ParseError:
        raise ValueError("is neither PNG nor SVG") from None
    if root.tag != SVG_TAG:
        raise ValueError("is neither PNG nor SVG")
    box = re.split(r"[\s,]+", root.get("viewBox", "").strip())
    return ratio_of(*(box[2:] if len(box) == 4 else (root.get("width", ""), root.get("height", ""))))


def ratio_of(width: str, height: str) -> float:
    matches = [re.fullmatch(r"\s*(\d*\.?\d+)(?:px)?\s*", each) for each in (width, height)]
    sizes = [float(match[1]) for match in matches if match]
    return sizes[0] / sizes[1] if len(sizes) == 2 and all(sizes) else 1.0

"""Shades of the organisation's colour with enough contrast to be read (WCAG 2.2), found in OKLCH."""

import math
import re
from dataclasses import dataclass

Rgb = tuple[float, float, float]
"""Red, green and blue in linear light (not gamma-encoded), each 0 to 1."""

MIN_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3 (AA) for text of any size."""
WHITE, NEAR_BLACK = "#FFFFFF", "#06222A"
LIGHT_BACKGROUNDS = (WHITE, "#F4F6F8", "#E9EEF2")
DARK_BACKGROUNDS = ("#11181F", "#1A232C", "#24303B")
"""What the colour is written on in site.css: --bg, --surface and --surface-2 of either scheme."""
STEP, HOVER = 0.005, 0.07
"""Steps of OKLCH lightness (0 to 1): while a shade is searched for, and between the colour and its hover."""


@dataclass(frozen=True)
class Shades:
    """The colour as one scheme uses it: itself, on hover, and the text on it; all #RRGGBB."""

    brand: str
    hover: str
    on_brand: str


def read_colour(text: str) -> str:
    """`#RRGGBB` in upper case; raises ValueError for anything else."""
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", text):
        raise ValueError("must be a colour like #00596E")
    return text.upper()


def light_shades(accent: str) -> Shades:
    """For light pages: the same hue, darkened until it can be read on every background and white on it."""
    brand = readable(accent, -STEP, on=LIGHT_BACKGROUNDS)
    return Shades(brand, lightened(brand, -HOVER), WHITE)


def dark_shades(accent: str) -> Shades:
    """For dark pages: the same hue, lightened until it can be read; the text on it is near-black."""
    brand = readable(accent, STEP, on=DARK_BACKGROUNDS)
    return Shades(brand, lightened(brand, HOVER), NEAR_BLACK)


def was_darkened(accent: str) -> bool:
    """Whether the configured colour could not be read on a light page as it is."""
    return bool(accent) and light_shades(accent).brand != accent


def contrast(one: str, other: str) -> float:
    """The contrast ratio, 1 to 21, as WCAG 2.2 defines it."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2)."""
    red, green, blue = linear_rgb(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def readable(colour: str, step: float, *, on: tuple[str, ...]) -> str:
    """The first shade, in steps of `step`, that can be read on all these backgrounds."""
    shade, steps = colour, 0
    while min(contrast(shade, background) for background in on) < MIN_CONTRAST:
        steps += 1
        shade = lightened(colour, step * steps)
    return shade


def lightened(colour: str, by: float) -> str:
    """The same hue with `by` added to its OKLCH lightness; its chroma falls as far as sRGB requires."""
    lightness, chroma, hue = oklch_from_rgb(linear_rgb(colour))
    lightness = min(1.0, max(0.0, lightness + by))
    while not is_in_srgb(rgb := rgb_from_oklch(lightness, chroma, hue)) and chroma > 0:
        chroma = max(0.0, chroma - STEP)
    return hex_colour(rgb)


def is_in_srgb(rgb: Rgb) -> bool:
    return all(-1e-4 <= channel <= 1.0001 for channel in rgb)


def linear_rgb(colour: str) -> Rgb:
    red, green, blue = (gamma_decoded(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return red, green, blue


def hex_colour(rgb: Rgb) -> str:
    return "#" + "".join(f"{round(255 * gamma_encoded(min(1.0, max(0.0, channel)))):02X}" for channel in rgb)


def gamma_decoded(channel: float) -> float:
    """sRGB to linear light (IEC 61966-2-1)."""
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def gamma_encoded(channel: float) -> float:
    """Linear light to sRGB (IEC 61966-2-1)."""
    return 12.92 * channel if channel <= 0.0031308 else 1.055 * channel ** (1 / 2.4) - 0.055


def oklch_from_rgb(rgb: Rgb) -> tuple[float, float, float]:
    """Lightness, chroma and hue (radians), by the matrices that define OKLab."""
    red, green, blue = rgb
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    lightness = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    return lightness, math.hypot(a, b), math.atan2(b, a)


def rgb_from_oklch(lightness: float, chroma: float, hue: float) -> Rgb:
    """The inverse of `oklch_from_rgb`; what sRGB cannot show is outside 0 to 1."""
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )

"""The organisation's one colour, and those shades of it that can be read (WCAG 2.2, worked out in OKLCH)."""

import math
import re
from dataclasses import dataclass

Rgb = tuple[float, float, float]
"""Red, green and blue as light, not as signal: 0 to 1, linear."""

LEAST = 4.5
"""WCAG 2.2, 1.4.3 (AA) for text of any size."""
WHITE, NEAR_BLACK = "#FFFFFF", "#06222A"
LIGHT_GROUNDS = (WHITE, "#F4F6F8", "#E9EEF2")
DARK_GROUNDS = ("#11181F", "#1A232C", "#24303B")
"""What the colour is written on in house.css: --bg, --surface and --surface-2 of either scheme."""
STEP, HOVER = 0.005, 0.07


@dataclass(frozen=True)
class Shades:
    """The colour as one scheme uses it: itself, under a pointer, and what is written on it; all #RRGGBB."""

    brand: str
    hover: str
    on_brand: str


def read_colour(text: str) -> str:
    """`#RRGGBB` in capitals; ValueError for anything else."""
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", text):
        raise ValueError("must be a colour like #00596E")
    return text.upper()


def light_shades(accent: str) -> Shades:
    """For a light page: darkened, hue kept, until it can be read on every ground and white on it."""
    brand = shifted(accent, -STEP, until=LIGHT_GROUNDS)
    return Shades(brand, moved(brand, -HOVER), WHITE)


def dark_shades(accent: str) -> Shades:
    """For a dark page: lightened likewise; near-black is written on it."""
    brand = shifted(accent, STEP, until=DARK_GROUNDS)
    return Shades(brand, moved(brand, HOVER), NEAR_BLACK)


def was_darkened(accent: str) -> bool:
    """Whether the colour as it was given could not be read on a light page."""
    return bool(accent) and light_shades(accent).brand != accent


def contrast(one: str, other: str) -> float:
    """1 to 21, as WCAG 2.2 defines it."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    red, green, blue = light_of(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def shifted(colour: str, step: float, *, until: tuple[str, ...]) -> str:
    """The nearest shade in that direction that can be read on all those grounds."""
    found, times = colour, 0
    while min(contrast(found, ground) for ground in until) < LEAST:
        times += 1
        found = moved(colour, step * times)
    return found


def moved(colour: str, by: float) -> str:
    """The same hue, lighter or darker by that much of OKLCH's lightness; greyer where a screen must."""
    lightness, chroma, hue = oklch_of(light_of(colour))
    lightness = min(1.0, max(0.0, lightness + by))
    while not is_shown(wanted := light_from(lightness, chroma, hue)) and chroma > 0:
        chroma = max(0.0, chroma - STEP)
    return text_of(wanted)


def is_shown(light: Rgb) -> bool:
    return all(-1e-4 <= part <= 1.0001 for part in light)


def light_of(colour: str) -> Rgb:
    red, green, blue = (linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return red, green, blue


def text_of(light: Rgb) -> str:
    return "#" + "".join(f"{round(255 * signal(min(1.0, max(0.0, part)))):02X}" for part in light)


def linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def signal(part: float) -> float:
    return 12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055


def oklch_of(light: Rgb) -> Rgb:
    """Lightness, chroma and hue (radians), by the matrices that define OKLab."""
    red, green, blue = light
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    lightness = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    return lightness, math.hypot(a, b), math.atan2(b, a)


def light_from(lightness: float, chroma: float, hue: float) -> Rgb:
    """The way back."""
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )

"""The organisation's branding: its colour as a stylesheet, its logo, and the mark in its colour."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.templatetags.static import static

from filsluss.rules.contrast import Shades, dark_shades, light_shades
from filsluss.rules.logo import Logo

MARK = Path(__file__).parents[1] / "static" / "filsluss" / "mark.svg"
DEFAULT_ACCENT = "#00596E"
HEIGHT = 40


@dataclass(frozen=True)
class Asset:
    """A part of the dress, whose address changes with what it is."""

    name: str
    kind: str
    content: bytes

    @property
    def address(self) -> str:
        return f"/{self.name}-{sha256(self.content).hexdigest()[:12]}.{self.kind}"


@dataclass(frozen=True)
class Branding:
    """What the frame of every page shows; an address each, and the logo's width at its height."""

    sheet: str
    mark: str
    logo: str
    width: int
    height: int = HEIGHT


def current() -> Branding:
    pieces = {piece.name: piece.address for piece in assets(settings.POLICY.accent, settings.POLICY.logo)}
    mark = pieces.get("mark") or static("filsluss/mark.svg")
    picture = settings.POLICY.logo
    width = picture.width_at(HEIGHT) if picture else HEIGHT
    return Branding(sheet=pieces.get("dress", ""), mark=mark, logo=pieces.get("logo") or mark, width=width)


@cache
def assets(accent: str, logo: Logo | None) -> tuple[Asset, ...]:
    """Every piece there is; none where the organisation has chosen nothing."""
    coloured = (stylesheet_asset(accent), mark_asset(accent)) if accent else ()
    return (*coloured, Asset("logo", logo.kind, logo.content)) if logo else coloured


def stylesheet_asset(accent: str) -> Asset:
    light, dark = rule(light_shades(accent)), rule(dark_shades(accent))
    black = ":root { --brand: #000; }"
    sheet = f"{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}\n@media print {{ {black} }}\n"
    return Asset("dress", "css", sheet.encode())


def rule(shades: Shades) -> str:
    return (
        f":root {{ --brand: {shades.brand}; --brand-hover: {shades.hover}; --on-brand: {shades.on_brand}; }}"
    )


def mark_asset(accent: str) -> Asset:
    drawn = MARK.read_text().replace(DEFAULT_ACCENT, light_shades(accent).brand)
    return Asset("mark", "svg", drawn.encode())


def asset_at(address: str) -> Asset | None:
    """The piece of that address, if it is still worn."""
    pieces = assets(settings.POLICY.accent, settings.POLICY.logo)
    return next((piece for piece in pieces if piece.address == address), None)

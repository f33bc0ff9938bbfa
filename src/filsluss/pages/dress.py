"""The organisation's own dress: its colour as a small sheet, its logo, and the mark in its colour."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.templatetags.static import static

from filsluss.rules.colours import Shades, dark_shades, light_shades
from filsluss.rules.pictures import Picture

MARK = Path(__file__).parents[1] / "static" / "filsluss" / "mark.svg"
HOUSE_COLOUR = "#00596E"
HEIGHT = 40


@dataclass(frozen=True)
class Piece:
    """A part of the dress, whose address changes with what it is."""

    name: str
    kind: str
    content: bytes

    @property
    def address(self) -> str:
        return f"/{self.name}-{sha256(self.content).hexdigest()[:12]}.{self.kind}"


@dataclass(frozen=True)
class Dress:
    """What the frame of every page shows; an address each, and the logo's width at its height."""

    sheet: str
    mark: str
    logo: str
    width: int
    height: int = HEIGHT


def worn() -> Dress:
    pieces = {piece.name: piece.address for piece in wardrobe(settings.POLICY.accent, settings.POLICY.logo)}
    mark = pieces.get("mark") or static("filsluss/mark.svg")
    picture = settings.POLICY.logo
    width = picture.width_at(HEIGHT) if picture else HEIGHT
    return Dress(sheet=pieces.get("dress", ""), mark=mark, logo=pieces.get("logo") or mark, width=width)


@cache
def wardrobe(accent: str, logo: Picture | None) -> tuple[Piece, ...]:
    """Every piece there is; none where the organisation has chosen nothing."""
    coloured = (sheet_in(accent), mark_in(accent)) if accent else ()
    return (*coloured, Piece("logo", logo.kind, logo.content)) if logo else coloured


def sheet_in(accent: str) -> Piece:
    light, dark = rule(light_shades(accent)), rule(dark_shades(accent))
    black = ":root { --brand: #000; }"
    sheet = f"{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}\n@media print {{ {black} }}\n"
    return Piece("dress", "css", sheet.encode())


def rule(shades: Shades) -> str:
    return (
        f":root {{ --brand: {shades.brand}; --brand-hover: {shades.hover}; --on-brand: {shades.on_brand}; }}"
    )


def mark_in(accent: str) -> Piece:
    drawn = MARK.read_text().replace(HOUSE_COLOUR, light_shades(accent).brand)
    return Piece("mark", "svg", drawn.encode())


def piece_at(address: str) -> Piece | None:
    """The piece of that address, if it is still worn."""
    pieces = wardrobe(settings.POLICY.accent, settings.POLICY.logo)
    return next((piece for piece in pieces if piece.address == address), None)

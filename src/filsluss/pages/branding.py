"""The organisation's branding: its colour as a stylesheet, its logo, and an icon in its colour."""

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
    """A file of the branding; its path holds a hash of its content, so that it never changes."""

    name: str
    kind: str
    content: bytes

    @property
    def path(self) -> str:
        return f"/{self.name}-{sha256(self.content).hexdigest()[:12]}.{self.kind}"


@dataclass(frozen=True)
class Branding:
    """For base.html: the URLs of stylesheet (empty if none), icon and logo, and the logo's size in pixels."""

    stylesheet: str
    mark: str
    logo: str
    logo_width: int
    logo_height: int = HEIGHT


def current() -> Branding:
    """The branding by the settings; the logo is the icon if none is set."""
    logo = settings.POLICY.logo
    paths = {asset.name: asset.path for asset in assets(settings.POLICY.accent, logo)}
    mark = paths.get("mark") or static("filsluss/mark.svg")
    width = logo.width_at(HEIGHT) if logo else HEIGHT
    return Branding(
        stylesheet=paths.get("theme", ""), mark=mark, logo=paths.get("logo") or mark, logo_width=width
    )


@cache
def assets(accent: str, logo: Logo | None) -> tuple[Asset, ...]:
    """All assets for these settings; empty if neither is set."""
    coloured = (stylesheet_asset(accent), mark_asset(accent)) if accent else ()
    return (*coloured, Asset("logo", logo.kind, logo.content)) if logo else coloured


def stylesheet_asset(accent: str) -> Asset:
    light, dark = root_rule(light_shades(accent)), root_rule(dark_shades(accent))
    black = ":root { --brand: #000; }"
    css = f"{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}\n@media print {{ {black} }}\n"
    return Asset("theme", "css", css.encode())


def root_rule(shades: Shades) -> str:
    return (
        f":root {{ --brand: {shades.brand}; --brand-hover: {shades.hover}; --on-brand: {shades.on_brand}; }}"
    )


def mark_asset(accent: str) -> Asset:
    svg = MARK.read_text().replace(DEFAULT_ACCENT, light_shades(accent).brand)
    return Asset("mark", "svg", svg.encode())


def asset_at(path: str) -> Asset | None:
    """The asset with that path, if the current branding has it."""
    current_assets = assets(settings.POLICY.accent, settings.POLICY.logo)
    return next((asset for asset in current_assets if asset.path == path), None)

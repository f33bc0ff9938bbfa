"""The rows of the table for what pages state and show of the organisation."""

from pathlib import Path

from filsluss.conf import readers
from filsluss.conf.names import Name
from filsluss.conf.setting import Setting
from filsluss.conf.settings_file import read_file
from filsluss.rules.contrast import read_colour
from filsluss.rules.logo import MAX_BYTES, Logo, read_logo
from filsluss.rules.paths import ACCESSIBILITY, PRIVACY
from filsluss.rules.statements import read_assessment, read_legal_basis


def accent(value: str) -> str:
    return read_colour(value) if value else ""


def logo(value: str) -> Logo | None:
    if not value:
        return None
    return read_logo(read_file(Path(value), most=MAX_BYTES + 1))


STATEMENTS = (
    Setting(
        Name.CONTROLLER,
        readers.name,
        f"the controller of the personal data, as `{PRIVACY.path()}` names it; unset, the page names none",
        policy="controller",
    ),
    Setting(
        Name.LEGAL_BASIS,
        read_legal_basis,
        f"the legal basis that `{PRIVACY.path()}` names: `public-task`, `legal-obligation`, `contract`, "
        "`legitimate-interest` or `consent`; unset, it names none",
        policy="legal_basis",
    ),
    Setting(
        Name.DATA_PROTECTION_EMAIL,
        readers.address,
        f"your data protection officer, on `{PRIVACY.path()}`",
        policy="data_protection_email",
    ),
    Setting(
        Name.ACCESSIBILITY,
        read_assessment,
        f"what `{ACCESSIBILITY.path()}` states of the service: `full`, `partly` or `not` (conforming to the "
        "law), the date of the test and who tested, as `partly, 2026-11-24, Eva Ek`; "
        "unset, it states nothing",
        policy="assessment",
    ),
    Setting(
        Name.ACCENT,
        accent,
        "the colour of pages and letters, as `#0b6e4f`",
        unset="Filsluss's own",
        policy="accent",
    ),
    Setting(Name.LOGO, logo, "the path of a PNG or SVG of at most 200 kB", policy="logo"),
)

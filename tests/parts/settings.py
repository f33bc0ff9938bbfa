"""The house's settings as the type checker reads them: those of a test installation."""

from pathlib import Path

from tests.parts.installation import settle

# mypy leaves Python without a last word, so a folder made for it alone would stay behind.
settle(Path(__file__).parents[2] / ".mypy_cache" / "installation")

from filsluss.settings import *

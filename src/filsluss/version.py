"""Which version of Filsluss this is."""

import tomllib
from functools import lru_cache
from importlib import metadata
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "pyproject.toml"


@lru_cache
def program_version() -> str:
    """Of the source tree that this runs from, or of the installed package."""
    if SOURCE.exists():
        return str(tomllib.loads(SOURCE.read_text())["project"]["version"])
    return metadata.version("filsluss")

"""The service's settings as the type checker reads them: those of a test installation."""

from pathlib import Path

from tests.parts.installation import configure_process

# mypy exits without running atexit handlers, so a temporary folder would stay behind.
configure_process(Path(__file__).parents[2] / ".mypy_cache" / "installation")

from filsluss.settings import *

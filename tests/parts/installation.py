"""The environment of an installation for tests: Landstinget Dalarna, in a folder that is gone afterwards."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

DEFAULTS = {
    "FILSLUSS_CONFIG": "",
    "FILSLUSS_BASE_URL": "http://localhost:8000",
    "FILSLUSS_ORGANISATION": "Landstinget Dalarna",
    "FILSLUSS_INSIDE_DOMAINS": "ltdalarna.se",
    "FILSLUSS_INSIDE_NETWORKS": "127.0.0.0/8,::1/128",
    "FILSLUSS_SMTP_URL": "smtp://127.0.0.1:1",
    "FILSLUSS_MAIL_FROM": "filsluss@ltdalarna.se",
    "FILSLUSS_FREE_SPACE": "0%",
}


def folder(prefix: str) -> Path:
    """A folder directly under /tmp, since the paths of sockets must be short, gone when Python ends."""
    path = Path(tempfile.mkdtemp(prefix=f"filsluss-{prefix}-", dir="/tmp"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def bare_environment() -> dict[str, str]:
    """What a process may inherit: nothing that configures some other installation."""
    unwanted = ("FILSLUSS_", "DJANGO_", "PYTEST_")
    return {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}


def environment(data_dir: Path, **own: str) -> dict[str, str]:
    """A whole environment for a process; `own` settings go without their FILSLUSS_ and win."""
    given = {f"FILSLUSS_{name}": value for name, value in own.items()}
    return {**bare_environment(), **DEFAULTS, "FILSLUSS_DATA_DIR": str(data_dir), **given}


def configure_process(data_dir: Path, **own: str) -> None:
    """Gives this process such an environment, before Django reads its settings."""
    wanted = environment(data_dir, **own)
    os.environ.clear()
    os.environ.update(wanted)

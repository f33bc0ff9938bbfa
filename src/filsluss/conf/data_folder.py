"""The data folder, and the secret key in it that is made at first use."""

import contextlib
import os
import re
import secrets
import stat
from pathlib import Path

from filsluss.conf.names import Name
from filsluss.conf.settings_file import SettingUnreadable

SYSTEM_FOLDER = Path("/var/lib/filsluss")
SYSTEM = {
    *map(
        Path, "/ /bin /boot /dev /etc /home /lib /lib64 /media /mnt /opt /proc /root /run /sbin /srv".split()
    ),
    *map(Path, "/sys /tmp /usr /usr/local /var /var/cache /var/lib /var/log /var/spool /var/tmp".split()),
}
"""Folders that other programs need, too (hier(7))."""
SHARED = stat.S_IWOTH | stat.S_ISVTX
"""The mode of a folder like /tmp, where everybody has files."""


def usual_folder() -> str:
    """FILSLUSS_DATA_DIR; else the folder that systemd made, else the system's if it is there, else ./data."""
    if (given := os.environ.get(Name.DATA_DIR)) is not None:
        return given.strip()
    if made := os.environ.get("STATE_DIRECTORY", "").partition(":")[0]:
        return made
    return str(SYSTEM_FOLDER) if SYSTEM_FOLDER.is_dir() else "./data"


def made_folder(value: str) -> Path:
    """The folder as an absolute path, created with mode 0700; see `lock_down` for one that exists."""
    if value[:1] in "~$%{`\"'\\" or re.match(r"[A-Za-z]+:", value):  # nobody expands them
        raise ValueError("must be the path of a folder, such as /var/lib/filsluss")
    folder = Path(value).absolute()
    if is_of_others(folder):
        raise ValueError("is a folder of the system, which would be closed to others: name one below it")
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def is_of_others(folder: Path) -> bool:
    """Whether it is a folder of the system, or one where everybody has files: neither may become 0700."""
    real = folder.resolve()
    is_shared = real.is_dir() and real.stat().st_mode & SHARED == SHARED
    return real in SYSTEM or is_shared


def lock_down(folder: Path) -> None:
    """Makes the folder accessible to its owner only; raises SettingUnreadable if we do not own it."""
    try:
        folder.chmod(0o700)
    except OSError as fault:
        raise SettingUnreadable(
            f"{Name.DATA_DIR}: cannot be made accessible to its owner only: {fault}"
        ) from None


def secret_key(folder: Path) -> str:
    """The secret in the folder: 384 random bits in a file that is made at first use."""
    path = folder / "secret_key"
    try:
        if not path.exists():
            _make_secret(path)
        key = path.read_text().strip()
    except (OSError, ValueError) as fault:
        raise SettingUnreadable(
            f"{Name.DATA_DIR}: cannot create or read the secret key {path}: {fault}"
        ) from None
    if not key:
        raise SettingUnreadable(
            f"{Name.DATA_DIR}: {path} is empty; restore it, as links and codes depend on it"
        )
    return key


def _make_secret(path: Path) -> None:
    """Creates the file atomically, and never replaces one: links made with another key do not open."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)

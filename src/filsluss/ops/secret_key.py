"""Whether the secret key is the one that links and codes were made with, and for its owner's eyes only."""

import os
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from filsluss import outages
from filsluss.actions import key_fingerprint
from filsluss.conf import settings_file
from filsluss.conf.names import Name
from filsluss.conf.table import TABLE

OTHER_KEY = (
    "the secret key is not the one that links and codes were made with: restore that one, or name it in "
    f"{Name.SECRET_KEY_OLD}; if it is lost for good, run `filsluss rekey`"
)

GROUP_READ = 0o040
"""A file that is named in the settings may belong to root, and be read by the group of the service."""


def require_known_key() -> None:
    """Raises CommandError for another key than before; a database that is away may come back."""
    try:
        known = key_fingerprint.note(settings.KEY_FINGERPRINTS)
    except outages.AWAY:
        return
    if not known:
        raise CommandError(OTHER_KEY)


def open_to_others() -> list[Path]:
    """The files with secrets that other users of the machine may read."""
    secrets = [row.name for row in TABLE if row.is_secret]
    named = [os.environ.get(name.of_file) for name in sorted(secrets)]
    given = [Path(path) for path in named if path]
    file, said = settings_file.path(), settings_file.read_values()
    if file and any(is_secret(name, said.get(name, "")) for name in secrets):
        given.append(file)
    own = settings.DATA_DIR / "secret_key"
    found = [path for path in given if is_open(path, 0o077 & ~GROUP_READ)]
    return [own, *found] if is_open(own, 0o077) else found


def is_secret(name: str, value: str) -> bool:
    """Whether the value of such a setting has to be kept: of an address, if it has a user and a password."""
    return bool(value) and ("@" in value or not name.endswith("_URL"))


def is_open(path: Path, bits: int) -> bool:
    return path.is_file() and bool(path.stat().st_mode & bits)

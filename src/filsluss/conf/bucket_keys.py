"""The keys of the bucket, read anew when their files change: so they rotate without a restart."""

import logging
import os
from collections.abc import Callable

from filsluss.conf.names import Name
from filsluss.conf.settings_file import SettingUnreadable

log = logging.getLogger(__name__)

FILES = Name.S3_ACCESS_KEY.of_file, Name.S3_SECRET_KEY.of_file


class BucketKeys:
    """The access key and the secret key; empty where the machine's surroundings are to say them.

    `read` gives both as they are in force now, or raises SettingUnreadable. Then, and while a file is being
    replaced, those that were read last go on counting.
    """

    def __init__(self, keys: tuple[str, str], *, read: Callable[[], tuple[str, str]]) -> None:
        self._keys, self._read = keys, read
        self._seen = _state_of_files()

    def __call__(self) -> tuple[str, str]:
        state = _state_of_files()
        if state != self._seen:
            try:
                self._keys, self._seen = self._read(), state
                log.info("the keys of the bucket were read anew")
            except SettingUnreadable as fault:
                log.warning("the keys of the bucket stay as they were: %s", fault)
                self._seen = state
        return self._keys


def _state_of_files() -> tuple[tuple[int, int, int] | None, ...]:
    """What changes with the content of the files that the settings name."""
    return tuple(_state_of(os.environ.get(name)) for name in FILES)


def _state_of(path: str | None) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path) if path else None
    except (OSError, ValueError):
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size) if found else None

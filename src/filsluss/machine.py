"""This machine: which boot of it this is."""

import logging
from functools import lru_cache
from pathlib import Path
from uuid import uuid4

log = logging.getLogger(__name__)


@lru_cache
def boot_id() -> str:
    """The kernel's boot id: bytes not synced under another boot cannot be trusted.

    Where it cannot be read, an id of this process alone: then only synced bytes are trusted, and no other
    process can be asked to release an upload.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        log.warning(
            "the boot id cannot be read: after a restart unfinished uploads go on from what was synced"
        )
        return str(uuid4())

"""How many bytes of a file are stored, whoever is writing to it."""

import logging
from functools import lru_cache
from pathlib import Path
from uuid import uuid4

from filsluss.blobs import Store
from filsluss.models import TransferFile
from filsluss.rules.lifecycle import FileState

log = logging.getLogger(__name__)


@lru_cache
def this_boot() -> str:
    """The kernel's boot id: bytes not synced under another boot cannot be trusted.

    Where it cannot be read, an id of this process alone: then only synced bytes are trusted.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        log.warning(
            "the boot id cannot be read: after a restart unfinished uploads go on from what was synced"
        )
        return str(uuid4())


def stored_bytes(file: TransferFile, *, store: Store) -> int:
    """Read without interrupting the writer; after a reboot only those acknowledged."""
    if file.state != FileState.UPLOADING:
        return file.size or 0
    try:
        size = store.size(file.blob)
    except LookupError:
        return 0
    return size if file.boot_id == this_boot() else min(size, file.acknowledged)

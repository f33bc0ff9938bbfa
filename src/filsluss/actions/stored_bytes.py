"""How many bytes of a file are stored, whoever is writing to it."""

from filsluss.installation import Services
from filsluss.models import TransferFile
from filsluss.rules.lifecycle import FileState


def stored_bytes(file: TransferFile, *, services: Services) -> int:
    """Read without interrupting the writer; after a reboot only those acknowledged."""
    if file.state != FileState.UPLOADING:
        return file.size or 0
    try:
        size = services.store.size(file.blob)
    except LookupError:
        return 0
    return size if file.boot_id == services.boot_id else min(size, file.acknowledged)

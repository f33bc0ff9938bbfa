"""`filsluss` with a store that does not fsync, to compare with servers that do not; no setting does that."""

import os
import sys
from pathlib import Path

from filsluss.blobs import disk


class UnsyncedWriter(disk.DiskWriter):
    def sync(self, *, keep: int = 0) -> None:
        """Leaves the bytes to the kernel."""


def skip_sync(path: str | Path) -> None:
    """Leaves a new name to the kernel."""


disk.DiskWriter = UnsyncedWriter  # type: ignore[misc]
disk.sync_folder = skip_sync

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "filsluss.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(["filsluss", *sys.argv[1:]])

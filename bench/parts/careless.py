"""`filsluss` with a store that does not sync, beside servers that do not: the house has no such setting."""

import os
import sys
from pathlib import Path

from filsluss.blobs import disk


class CarelessWriter(disk.DiskWriter):
    def sync(self) -> None:
        """Leaves the bytes to the kernel."""


def leave_folder(path: Path) -> None:
    """Leaves a new name to the kernel."""


disk.DiskWriter = CarelessWriter  # type: ignore[misc]
disk.sync_folder = leave_folder

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "filsluss.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(["filsluss", *sys.argv[1:]])

"""Runs `filsluss` as after a reboot, under another boot id: `fake_reboot.py BOOT_ID serve …`."""

import sys
from pathlib import Path
from typing import Any

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def program(boot_id: str) -> list[str]:
    """What a Service may run in place of `filsluss`."""
    return [sys.executable, __file__, boot_id]


def main(boot_id: str, *words: str) -> None:
    real = Path.read_text

    def read_text(path: Path, *args: Any, **more: Any) -> str:
        return boot_id if path == BOOT_ID else real(path, *args, **more)

    Path.read_text = read_text  # type: ignore[method-assign,assignment]
    sys.argv = ["filsluss", *words]
    from filsluss.cli import main as filsluss

    filsluss()


if __name__ == "__main__":
    del sys.path[0]  # this folder, whose names are not those of packages
    main(*sys.argv[1:])

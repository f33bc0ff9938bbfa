"""Runs `filsluss` where the usual places are others: `usual_places.py SETTINGS_FILE DATA_FOLDER list …`."""

import sys
from pathlib import Path


def program(settings: Path, data: Path) -> list[str]:
    """What runs in place of `filsluss`."""
    return [sys.executable, __file__, str(settings), str(data)]


def main(settings: str, data: str, *words: str) -> None:
    from filsluss.conf import data_folder, settings_file

    settings_file.DEFAULT, data_folder.SYSTEM_FOLDER = Path(settings), Path(data)
    sys.argv = ["filsluss", *words]
    from filsluss.cli import main as filsluss

    filsluss()


if __name__ == "__main__":
    del sys.path[0]  # this folder, whose names are not those of packages
    main(*sys.argv[1:])

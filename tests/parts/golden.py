"""Golden files: what is shown is compared with what is kept; with REWRITE_GOLDEN=1 it is kept."""

import os
from pathlib import Path

from filsluss.models import Letter

REWRITE = os.environ.get("REWRITE_GOLDEN") == "1"


def is_kept(path: Path, shown: str) -> None:
    """Asserts that the file holds exactly that."""
    if REWRITE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(shown)
    assert shown == path.read_text()


def letter_is_kept(path: Path, letter: Letter, *, with_html: bool = False) -> None:
    """The same of a letter's head and text, in PATH.txt, and of its HTML in PATH.html."""
    head = f"Subject: {letter.subject}\nTo: {letter.to}\nReply-To: {letter.reply_to}\n\n"
    is_kept(path.with_name(f"{path.name}.txt"), head + letter.text)
    if with_html:
        is_kept(path.with_name(f"{path.name}.html"), letter.html)


def only(folder: Path, wanted: set[str]) -> None:
    """Asserts that these are the files of the folder, or deletes the others."""
    for path in folder.iterdir() if REWRITE else ():
        if path.name not in wanted:
            path.unlink()
    assert {path.name for path in folder.iterdir()} == wanted

"""Lays out the static files: when the wheel is built, and in `bin/venv`; never at run time."""

import contextlib
import hashlib
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from rjsmin import jsmin  # type: ignore[import-untyped]
from whitenoise.storage import CompressedManifestStaticFilesStorage

from filsluss.rules.paths import STATIC

PACKAGE = Path(__file__).parent
FILES, STAMP = "static", "made-from"
"""What is laid out: the files, and beside them what they were made from."""
MAKERS = ("django", "rjsmin", "whitenoise")


def cssmin(sheet: str) -> str:
    """A stylesheet of ours without comments and needless blanks; no string in it holds what goes."""
    bare = re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL))
    return re.sub(";}", "}", re.sub(r" ?([{};,]) ?", r"\1", bare.replace(": ", ":"))).strip()


class MinifiedStorage(FileSystemStorage):
    """Opens scripts and stylesheets without comments and blanks."""

    def open(self, name: str, mode: str = "rb") -> Any:
        file = super().open(name, mode)
        shorten = SHORTEN.get(Path(name).suffix)
        if not shorten:
            return file
        with file:
            return ContentFile(shorten(file.read().decode()).encode())


SHORTEN: dict[str, Callable[[str], str]] = {".js": jsmin, ".css": cssmin}


class HashedStorage(CompressedManifestStaticFilesStorage):
    """Names files by their hash and compresses them.

    It writes these names into the scripts' import statements, too, so that modules can be immutable.
    """

    support_js_module_import_aggregation = True


def lay_out(source: Path, target: Path) -> bool:
    """Lays out the files of `source` in `target`; False if those that are there were made from the same.

    Another process may read or do the same meanwhile: what is there is replaced as a whole. Raises
    RuntimeError for a file that names one that is not there.
    """
    stamp = fingerprint(source)
    if (target / STAMP).is_file() and (target / STAMP).read_text() == stamp:
        return False
    draft = target.with_name(f"{target.name}.{secrets.token_hex(8)}")
    try:
        shutil.copytree(source, draft / FILES)
        write_hashed(source, draft / FILES)
        (draft / STAMP).write_text(stamp)
        replace(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return True


def fingerprint(source: Path) -> str:
    """What the outcome depends on: each file with its name, this module, and the versions of what it uses."""
    digest = hashlib.sha256()
    for path, name in (*files_of(source), (Path(__file__), "")):
        digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    for maker in MAKERS:
        digest.update(f"{maker} {metadata.version(maker)}\n".encode())
    return digest.hexdigest()


def files_of(source: Path) -> Iterator[tuple[Path, str]]:
    """Each file, and its path below the folder, in order."""
    for path in sorted(source.rglob("*")):
        if path.is_file():
            yield path, path.relative_to(source).as_posix()


def write_hashed(source: Path, folder: Path) -> None:
    """Adds to the copies in `folder` those that are named by their hash, all compressed, and the manifest."""
    if not settings.configured:
        settings.configure()
    original = MinifiedStorage(str(source))
    storage = HashedStorage(location=str(folder), base_url=STATIC.path(""))
    paths = {name: (original, name) for _, name in files_of(source)}
    for _, _, outcome in storage.post_process(paths):
        if isinstance(outcome, Exception):
            raise RuntimeError(f"the static files cannot be laid out: {outcome}") from outcome


def replace(draft: Path, target: Path) -> None:
    """Puts the folder in the place of the one that is there."""
    old = target.with_name(f"{draft.name}.old")
    with contextlib.suppress(FileNotFoundError):
        target.rename(old)
    try:
        draft.rename(target)
    except OSError:  # another process has just put its own there
        if (target / STAMP).read_text() != (draft / STAMP).read_text():
            raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    lay_out(PACKAGE / "static", PACKAGE / "laid_out")

"""The settings file, in the format of systemd's EnvironmentFile."""

import codecs
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from filsluss.conf.names import Name

DEFAULT = Path("/etc/filsluss/filsluss.env")
MAX_BYTES = 64 * 1024
ADDED = set[str]()
"""The variables that this process has got from the file."""

_SPACE = r"(?:[ \t\r]|\\\n)*"
_QUOTED = r"""'[^']*'|"(?:\\.|[^"\\])*\""""
_PLAIN = r"(?:\\.|[^\\\n'\" \t\r])(?:\\.|[^\\\n])*"
# Several quoted parts are one value; what follows them, or begins without a quote, ends with the line.
_VALUE = re.compile(rf"{_SPACE}(?P<quoted>(?:(?:{_QUOTED}){_SPACE})*)(?P<plain>(?:{_PLAIN})?)", re.DOTALL)
_NAME = re.compile(r"[ \t]*(?P<name>[A-Za-z_][A-Za-z0-9_]*)[ \t]*=")
_IDLE = re.compile(r"(?:[ \t\r]*(?:[#;][^\n]*)?\n)*[ \t\r]*(?:[#;][^\n]*)?")


class SettingUnreadable(Exception):
    """A setting is missing, unknown or cannot be read; the text is one line that names it."""


def load() -> None:
    """Adds to the environment what the settings file names; a variable that is there already wins.

    FILSLUSS_CONFIG names the file, and an empty one says that there is none. Raises SettingUnreadable.
    """
    values = read_values()
    for name in values:
        if name.removesuffix("_FILE") in Name.__members__:  # it would be read by nobody, in silence
            bare = Name[name.removesuffix("_FILE")]
            raise SettingUnreadable(f"{Name.CONFIG}: {path()} sets {name}, which nobody reads: see {bare}")
    if Name.CONFIG in values:
        raise SettingUnreadable(f"{Name.CONFIG} cannot be set in the settings file itself")
    given = set(os.environ)
    for name, value in values.items():
        if not {name, twin_of(name)} & given:
            os.environ[name] = value
            ADDED.add(name)


def path() -> Path | None:
    """The settings file that is meant, whether it is there or not; None if there is to be none."""
    named = os.environ.get(Name.CONFIG)
    if named is None:
        return DEFAULT
    return Path(named.strip()) if named.strip() else None


def read_values() -> dict[str, str]:
    """What the settings file says; the usual one need not be there. Raises SettingUnreadable."""
    file, is_usual = path(), Name.CONFIG not in os.environ
    if file is None:
        return {}
    try:
        return dict(parse(read_bounded(file)))
    except (OSError, ValueError) as fault:
        # systemd reads the file as root, and passes on what it says to a user who may not.
        passed_on = isinstance(fault, PermissionError) and Name.BASE_URL in os.environ
        if is_usual and (isinstance(fault, FileNotFoundError) or passed_on):
            return {}
        why = fault.strerror if isinstance(fault, OSError) else fault
        raise SettingUnreadable(f"{Name.CONFIG}: cannot read the settings file {file}: {why}") from None


def twin_of(name: str) -> str:
    """The other way to give a secret: by its value or by the path of a file."""
    return name.removesuffix("_FILE") if name.endswith("_FILE") else f"{name}_FILE"


def read_bounded(path: Path) -> str:
    """The text of a small file. Raises OSError, or ValueError for one that is too large or not UTF-8."""
    content = read_file(path, most=MAX_BYTES + 1)
    if len(content) > MAX_BYTES or b"\0" in content:
        raise ValueError(f"is not a text of at most {MAX_BYTES >> 10} KiB")
    if content.startswith(codecs.BOM_UTF8):
        raise ValueError("begins with a byte order mark, which nobody sees: save it as UTF-8 without one")
    return content.decode()


def read_file(path: Path, *, most: int) -> bytes:
    """At most so many bytes of a file. Raises OSError, or ValueError for a pipe, which may never end."""
    if not stat.S_ISREG(path.stat().st_mode) and path != Path(os.devnull):
        raise ValueError("is not a file")
    with path.open("rb") as file:
        return file.read(most)


def parse(text: str) -> Iterator[tuple[str, str]]:
    """Names and values of an EnvironmentFile (systemd.exec(5)); raises ValueError with the line's number."""
    at = _end_of(_IDLE, text, 0)
    while at < len(text):
        name = _NAME.match(text, at)
        value = _VALUE.match(text, name.end()) if name else None
        if not name or not value or text[value.end() : value.end() + 1] not in ("", "\n"):
            raise ValueError(f"line {text.count(chr(10), 0, at) + 1} is not NAME=value")
        yield name["name"], _quoted_text(value["quoted"]) + _plain_text(value["plain"])
        at = _end_of(_IDLE, text, min(value.end() + 1, len(text)))


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _quoted_text(quoted: str) -> str:
    """In double quotes a backslash frees the signs that mean something there, and joins lines."""
    parts = re.findall(_QUOTED, quoted, re.DOTALL)
    return "".join(
        part[1:-1] if part[0] == "'" else re.sub(r'\\(["\\`$])|\\\n', r"\1", part[1:-1]) for part in parts
    )


def _plain_text(plain: str) -> str:
    return re.sub(r"\\(.)", r"\1", plain.replace("\\\n", "").rstrip())

"""Reading the settings: from the environment, the settings file or a file of a secret, else by default."""

import difflib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from filsluss.conf import settings_file
from filsluss.conf.names import PREFIX, Name
from filsluss.conf.readers import one_line
from filsluss.conf.setting import Setting, Values
from filsluss.conf.settings_file import SettingUnreadable, read_bounded
from filsluss.conf.sign_in_table import contradiction
from filsluss.conf.table import TABLE

NAMES = frozenset(name for row in TABLE for name in row.names)
USER_IN_URL = re.compile("://[^/?#]*@")
"""In an address, perhaps one within another: what stands before the @ may be a password."""
ENVIRONMENT, DEFAULT = "environment", "default"


@dataclass(frozen=True)
class InForce:
    """A setting's text that is in force, and where it came from; empty if there is none."""

    row: Setting
    text: str
    source: str


def read_all() -> dict[Name, Any]:
    """Every setting, read. Raises SettingUnreadable, whose text is one line that names it."""
    settings_file.load()
    refuse_unknown()
    for row in TABLE:
        if row.is_required and not given_text(row):
            raise SettingUnreadable(f"{row.name} is missing")
    values: dict[Name, Any] = {}
    for row in TABLE:
        values[row.name] = read(row, values)
    refuse_contradictions(values)
    return values


def refuse_unknown() -> None:
    """Raises SettingUnreadable for a variable that is no setting."""
    for name in os.environ:
        if name.upper().startswith(PREFIX) and name not in NAMES:
            raise SettingUnreadable(f"{name} is not a setting of Filsluss{guess(name)}")


def guess(name: str) -> str:
    """Which setting may be meant by a name that is none, in words; empty if none is much like it."""
    bare = {each.removeprefix(PREFIX): each for each in NAMES}
    found = difflib.get_close_matches(name.upper().removeprefix(PREFIX), bare, n=1, cutoff=0.75)
    return f"; is {bare[found[0]]} meant?" if found else ""


def refuse_contradictions(values: Values) -> None:
    """Raises SettingUnreadable for two settings that cannot both hold."""
    for less, more, words in (
        (Name.MAX_FILE_SIZE, Name.MAX_TRANSFER_SIZE, f"{Name.MAX_TRANSFER_SIZE} is less than"),
        (Name.DEFAULT_DAYS, Name.MAX_DAYS, f"{Name.DEFAULT_DAYS} is more than"),
    ):
        if values[less] > values[more]:
            other = less if words.startswith(more) else more
            raise SettingUnreadable(f"{words} {other}")
    if words := contradiction(values):
        raise SettingUnreadable(words)
    if values[Name.ACCEL] and not values[Name.BLOB_URL].startswith("file:"):
        raise SettingUnreadable(f"{Name.ACCEL}: the proxy can send files only from a file:// store")
    if values[Name.BLOB_URL].startswith("s3:") and not values[Name.DATABASE_URL]:
        raise SettingUnreadable(f"{Name.BLOB_URL}: a bucket needs PostgreSQL: set {Name.DATABASE_URL}")
    for one, other in (
        (Name.S3_ACCESS_KEY, Name.S3_SECRET_KEY),
        (Name.S3_SECRET_KEY, Name.S3_ACCESS_KEY),
        (Name.DATABASE_DIRECT_URL, Name.DATABASE_URL),
    ):
        if values[one] and not values[other]:
            raise SettingUnreadable(f"{one}: goes together with {other}, which is missing")


def read(row: Setting, values: Values) -> Any:
    """The setting's value. `values` are those before it in the table, on which its default may rest."""
    text = given_text(row) or default_text(row, values)
    try:
        if not row.is_in_lines:
            one_line(text)
        return row.read(text)
    except (ValueError, OSError) as fault:
        is_hidden = row.is_secret or len(text) > 100 or USER_IN_URL.search(unquote(text))
        shown = "its value" if is_hidden else repr(text)
        raise SettingUnreadable(f"{row.name}: cannot read {shown}: {shortened(fault)}") from None


def default_text(row: Setting, values: Values) -> str:
    return row.default if isinstance(row.default, str) else row.default(values)


def given_text(row: Setting) -> str:
    """The text that somebody gave the setting; a secret's may be in a file. Empty if nobody did."""
    path = os.environ.get(row.name.of_file) if row.is_secret else None
    if path is not None:
        return text_of_file(row.name, path)
    text = os.environ.get(row.name, "").strip()
    may_be_empty = row.is_required or not (row.is_never_empty or row.is_secret)  # what is required is missing
    if not text and row.name in os.environ and not may_be_empty:
        raise SettingUnreadable(f"{row.name} is empty: give it a value, or remove it")
    return text


def text_of_file(name: Name, path: str) -> str:
    """What is in the file of a secret. Raises SettingUnreadable if it is empty, or the value is set, too."""
    if name in os.environ:
        raise SettingUnreadable(f"{name} and {name.of_file} are both set: remove one")
    try:
        text = read_bounded(Path(path)).strip()
    except (OSError, ValueError) as fault:
        raise SettingUnreadable(f"{name.of_file}: cannot read {path!r}: {fault}") from None
    if not text:
        raise SettingUnreadable(f"{name.of_file}: {path!r} is empty; restore what it held")
    return text


def bucket_keys() -> tuple[str, str]:
    """The keys of the bucket as they are in force now. Raises SettingUnreadable."""
    by_name = {row.name: row for row in TABLE}
    access_key, secret_key = (given_text(by_name[name]) for name in (Name.S3_ACCESS_KEY, Name.S3_SECRET_KEY))
    return access_key, secret_key


def shortened(fault: Exception, longest: int = 200) -> str:
    text = str(fault)
    return text if len(text) <= longest else f"… {text[-longest:]}"


def in_force(row: Setting, values: Values) -> InForce:
    """The text of a setting as `read_all` has found it. Its source is ENVIRONMENT, DEFAULT or a path."""
    text = given_text(row)
    if not text:
        return InForce(row, default_text(row, values), DEFAULT)
    name = row.name.of_file if row.is_secret and row.name.of_file in os.environ else row.name
    source = str(settings_file.path()) if name in settings_file.ADDED else ENVIRONMENT
    return InForce(row, text, source if name == row.name else f"{os.environ[name]}, named in {source}")

"""The languages that there are: each is a folder of letters with its `language.toml`, and a catalogue."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LETTERS, CATALOGUES = HERE / "templates" / "letters", HERE / "locale"
SOURCE = "en"
"""The language of the texts in templates and code; its catalogue is made of them (`bin/words`)."""


@dataclass(frozen=True)
class Language:
    """How a language is called, and how it writes dates, numbers and days.

    `name` is its own name, `switch` leads to it, both in that language. The others are patterns: `{day}`,
    `{month}`, `{year}`, `{weekday}`, `{date}`, `{hour}`, `{minute}`, `{time}`, `{n}` stand for what they
    say, `{at}` for the preposition of the settings. Of two or three words the last is for many.
    """

    name: str
    switch: str
    organisation: str
    months: tuple[str, ...]
    weekdays: tuple[str, ...]
    date: str
    short_date: str
    weekday_date: str
    time: str
    at_time: str
    moment: str
    tomorrow: str
    minutes: tuple[str, str]
    days_left: tuple[str, str, str]
    bytes: tuple[str, str]
    thousands: str
    decimal: str


def known() -> dict[str, Language]:
    """By code, each with a folder and, unless it is the language of the source, a catalogue of its own."""
    codes = sorted(file.parent.name for file in LETTERS.glob("*/language.toml"))
    return {code: _read(code) for code in codes if code == SOURCE or (CATALOGUES / code).is_dir()}


def _read(code: str) -> Language:
    given = tomllib.loads((LETTERS / code / "language.toml").read_text("utf-8"))
    named = {each.name: given[each.name] for each in fields(Language)}
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in named.items()}
    return Language(**values)


LANGUAGES: Mapping[str, Language] = known()


def language_named(code: str) -> Language:
    """The language of that code; that of the source for one which there is not."""
    return LANGUAGES.get(code, LANGUAGES[SOURCE])


def other_language(code: str, *, house: str) -> str:
    """The language that a letter in `code` refers to: the installation's own, else the source's, else any."""
    others = [each for each in (house, SOURCE, *LANGUAGES) if each != code]
    return others[0]

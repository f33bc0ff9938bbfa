"""A language made by machine: a folder of letters and a catalogue, in a copy of the package."""

import re
import shutil
import struct
from pathlib import Path

import filsluss

CODE, SIGN = "xx", "ẋ"
"""Every word of the language begins with that sign."""
TAGS = re.compile(r"(\{%.*?%\}|\{\{.*?\}\}|%\(\w+\)[sd]|<[^>]*>|&\w+;|\{\w+\})", re.DOTALL)
HEADER = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"


def spoken(text: str) -> str:
    """The text in that language: each word with the sign, but neither tags nor placeholders."""
    pieces = TAGS.split(text)
    return "".join(
        piece if number % 2 else re.sub(r"(?<![\w{])[A-Za-z]+", SIGN + r"\g<0>", piece)
        for number, piece in enumerate(pieces)
    )


def make(into: Path) -> None:
    """A source tree in `into` that differs from ours in nothing but that folder and catalogue."""
    package, ours = into / "src" / "filsluss", Path(filsluss.__file__).parent
    shutil.copytree(ours, package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ours.parents[1] / "pyproject.toml", into)  # which names the version
    letters = package / "templates" / "letters"
    for source in (letters / "en").rglob("*.txt"):
        target = letters / CODE / source.relative_to(letters / "en")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_letter(source.read_text()))
    words = (letters / "en" / "language.toml").read_text()
    words = words.replace('"English"', f'"{SIGN}Ish"').replace('"In English"', f'"{SIGN}In {SIGN}Ish"')
    (letters / CODE / "language.toml").write_text(words.replace('"January"', f'"{SIGN}January"'))
    catalogue = package / "locale" / CODE / "LC_MESSAGES" / "django.mo"
    catalogue.parent.mkdir(parents=True)
    catalogue.write_bytes(_compiled(_entries(package / "locale" / "sv" / "LC_MESSAGES" / "django.po")))


def _letter(text: str) -> str:
    lines = text.split("\n")
    shown = [
        re.sub(rf"^{SIGN}(Subject|Preview):", r"\1:", spoken(line)) for line in "\0".join(lines).split("\0")
    ]
    return "\n".join(shown).replace('"en/', f'"{CODE}/')


def _entries(catalogue: Path) -> dict[str, str]:
    """Each sentence of the catalogue, with its plural, and what it is in that language."""
    found = {"": HEADER}
    for block in catalogue.read_text().split("\n\n")[1:]:
        texts = re.findall(r'^msgid(?:_plural)? "(.*)"$', block, re.MULTILINE)
        plain = [text.encode().decode("unicode_escape").encode("latin-1").decode() for text in texts]
        if plain:
            found["\0".join(plain)] = "\0".join(map(spoken, plain))
    return found


def _compiled(entries: dict[str, str]) -> bytes:
    """The catalogue as programs read it (GNU gettext, "The Format of GNU MO Files")."""
    pairs = sorted((key.encode(), value.encode()) for key, value in entries.items())
    heads, texts, offset = [], b"", 28 + 16 * len(pairs)
    for column in (0, 1):
        for pair in pairs:
            heads.append(struct.pack("<II", len(pair[column]), offset + len(texts)))
            texts += pair[column] + b"\0"
    count = len(pairs)
    start = struct.pack("<7I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, 0)
    return start + b"".join(heads) + texts

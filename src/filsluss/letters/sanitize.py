"""Untrusted text made safe for letters: no invisible characters, no forged lines, nothing clickable."""

import re
import unicodedata

from filsluss.rules.filenames import without_invisible
from filsluss.rules.mail_links import defused, defused_file_name

_INVISIBLE = {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"}  # Unicode categories
_JOINERS = "\u200c\u200d"  # needed in Persian and Indic words, and in emoji sequences
_NEEDLESS_JOINERS = re.compile(
    f"(?<![^\x00-\x7f])[{_JOINERS}]+|[{_JOINERS}]+(?![^\x00-\x7f])"
)  # beside an ASCII character
_LAYOUT = re.compile(r"\A(?:(?:[>\-–*#]+|\d+\.)\s+|>+)+")


def one_line(text: str) -> str:
    """The text on a single line, without invisible characters."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    seen = without_invisible("".join(map(_visible, text)))
    return " ".join(_NEEDLESS_JOINERS.sub("", seen).split())


def lines(text: str) -> list[str]:
    """The lines of the text, without blank lines at its ends and without two blank lines in a row."""
    cleaned = "\n".join(one_line(line) for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", cleaned).strip("\n").split("\n")


def file_name(name: str) -> str:
    """A file's name on one line, nothing of which a mail program could take for a link."""
    return defused_file_name(one_line(name))


def quoted(text: str) -> str:
    """The text as a quotation: each line begins with ">"."""
    return "\n".join(f"> {defused(line)}".rstrip() for line in lines(text))


def person(name: str) -> str:
    """A person's name, which cannot begin a list or a quotation."""
    return defused(_LAYOUT.sub("", one_line(name), count=1))


def _visible(character: str) -> str:
    if character in _JOINERS:
        return character
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in _INVISIBLE else character

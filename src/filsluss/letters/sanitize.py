"""Untrusted text made safe for letters: no invisible characters, no forged lines, nothing clickable."""

import re
import unicodedata

_JOINERS = "\u200c\u200d"  # needed in Persian and Indic words, and in emoji sequences
_INVISIBLE = {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"}  # Unicode categories

# What mail programs turn into links: a scheme, a host name, a network share.
_SCHEME = re.compile(
    r"\b(mailto|tel|sms|callto|javascript|data|file|[a-z][a-z0-9+.-]{0,30}(?=:[/\\]{2})):(?=\S)",
    re.IGNORECASE,
)
_DOT_IN_HOST = re.compile(
    r"(?<=[\w-])[.\u3002\uff0e\uff61](?=[^\W\d_]{2})(?!(?:ex|fl)\b)"
)  # not t.ex. or m.fl.
_SHARE = re.compile(r"\\\\(?=[^\s\\])")
_LIKE_A_SITE = re.compile(
    r"\bwww\.|(?<=[\w-])[.\u3002\uff0e\uff61](com|net|org|info|biz|xyz|top|site|online|shop|click|link|app|dev|"
    r"se|nu|eu|io|co|me|ru|cn|de|uk|us|dk|no|fi|nl|fr|it|es|in|to|ly|gl|gg|cc|tk|ml|ga|cf|gq)(?![\w-])",
    re.IGNORECASE,
)  # what mail programs turn into links also without https
_LAYOUT = re.compile(r"\A(?:(?:[>\-–*#]+|\d+\.)\s+|>+)+")


def one_line(text: str) -> str:
    """The text on a single line, without invisible characters."""
    return " ".join("".join(map(_visible, text)).split())


def lines(text: str) -> list[str]:
    """The lines of the text, without blank lines at its ends and without two blank lines in a row."""
    cleaned = "\n".join(one_line(line) for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", cleaned).strip("\n").split("\n")


def defuse_links(text: str) -> str:
    """The text with URLs written so that no mail program turns them into links: evil[.]com."""
    text = _SHARE.sub(r"\\[\\]", _SCHEME.sub(r"\1[:]", text))
    return _DOT_IN_HOST.sub("[.]", text)


def file_name(name: str) -> str:
    """A file's name on one line; defused if a mail program could take it for a URL."""
    line = one_line(name)
    return defuse_links(line) if _SCHEME.search(line) or _LIKE_A_SITE.search(line) else line


def quoted(text: str) -> str:
    """The text as a quotation: each line begins with ">"."""
    return "\n".join(f"> {defuse_links(line)}".rstrip() for line in lines(text))


def person(name: str) -> str:
    """A person's name, which cannot begin a list or a quotation."""
    return defuse_links(_LAYOUT.sub("", one_line(name), count=1))


def _visible(character: str) -> str:
    if character in _JOINERS:
        return character
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in _INVISIBLE else character

"""Foreign text made fit for a letter: nothing unseen, nothing that forges a line, nothing to click on."""

import re
import unicodedata

_JOINERS = "\u200c\u200d"  # they spell Persian and Indic words and build families of emoji
_UNSAID = {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"}

# As mail programs see them: a scheme, a dot with a name of letters after it, a share on a network.
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
)  # what mail programs make links of though nobody wrote https
_LAYOUT = re.compile(r"\A(?:(?:[>\-–*#]+|\d+\.)\s+|>+)+")


def one_line(text: str) -> str:
    """The text on a single line, without signs that nobody sees."""
    return " ".join("".join(map(_said, text)).split())


def lines(text: str) -> list[str]:
    """The text line by line, whatever ended them; no blank line first or last, and no two together."""
    whole = "\n".join(one_line(line) for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", whole).strip("\n").split("\n")


def defuse_links(text: str) -> str:
    """Web addresses stay readable, but no mail program makes links of them: evil[.]com."""
    text = _SHARE.sub(r"\\[\\]", _SCHEME.sub(r"\1[:]", text))
    return _DOT_IN_HOST.sub("[.]", text)


def file_name(name: str) -> str:
    """A file's name as it is, unless a mail program could take it for a web address."""
    line = one_line(name)
    return defuse_links(line) if _SCHEME.search(line) or _LIKE_A_SITE.search(line) else line


def quoted(text: str) -> str:
    """Somebody's own words, each line marked as theirs."""
    return "\n".join(f"> {defuse_links(line)}".rstrip() for line in lines(text))


def person(name: str) -> str:
    """A name that may begin a line without being taken for a list or a quotation."""
    return defuse_links(_LAYOUT.sub("", one_line(name), count=1))


def _said(sign: str) -> str:
    if sign in _JOINERS:
        return sign
    if sign.isspace():
        return " "
    return "" if unicodedata.category(sign) in _UNSAID else sign

"""Names of files: what becomes of the name a stranger gives, and how it travels in a header."""

import re
import unicodedata
from urllib.parse import quote

LONGEST_NAME = 255  # bytes of UTF-8: what ext4, APFS and NTFS all hold

_READ_AT_EACH_END = 2048
_UNSAYABLE = re.compile("[\x00\ud800-\udfff]")

# Controls, line separators, bidi controls, zero-width and filler signs, and code points that are no signs.
_UNSEEN = re.compile(
    "[\x01-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\ufdd0-\ufdef\ufeff\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0080-\U000e00ff\U000e01f0-\U000e0fff"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000))
    + "]"
)
_TAGS = re.compile("(\U0001f3f4[\U000e0020-\U000e007e]{3,6}\U000e007f)|[\U000e0000-\U000e007f]")
_VARIATIONS = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]+")
_JOINERS = re.compile("[\u200c\u200d]+")
_BLANKS = re.compile("[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000\u3164\uffa0]+")

_NOT_ON_A_DISK = re.compile(r'[/\\<>:"|?*]')
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:\.|\Z)",
    re.IGNORECASE,
)
_ENDING = re.compile(r"(?<=.)(?:\.tar)?\.[^\W_]{1,25}\Z", re.IGNORECASE)

_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._()-]+")
_SPELLED = str.maketrans({"æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "ß": "ss", "ł": "l", "Ł": "L"})
_FLAG_LETTERS = "".join(map(chr, range(0x1F1E6, 0x1F200)))


class NameRefused(ValueError):
    """The name has a NUL or half a surrogate pair in it, or nothing is left of it once it is clean."""


def clean_name(raw: str) -> str:
    """A name that is safe to show, to mail and to save on any system; cleaning it again changes nothing."""
    if _UNSAYABLE.search(raw):
        raise NameRefused("not a text")
    name, cleaner = raw, _cleaned(_both_ends(raw))
    while cleaner != name:  # a step may uncover work for an earlier one: a cut may end in a blank
        name, cleaner = cleaner, _cleaned(cleaner)
    return name


def ending(name: str) -> str:
    """What says the kind: .pdf of report.pdf, .tar.gz of all.tar.gz, nothing of .htaccess."""
    match = _ENDING.search(name)
    return match[0] if match else ""


def content_disposition(name: str) -> str:
    """The header that makes a browser save the bytes under exactly this name (RFC 6266, RFC 8187)."""
    exact = quote(name, safe="", errors="replace")
    return f"attachment; filename=\"{_plain(name)}\"; filename*=UTF-8''{exact}"


def _cleaned(name: str) -> str:
    name = _without_unseen(unicodedata.normalize("NFC", name))
    name = _NOT_ON_A_DISK.sub("_", _BLANKS.sub(" ", name))
    name = name.lstrip(" ").rstrip(" .")  # Windows drops blanks and dots at the end
    if not name:
        raise NameRefused("nothing left")
    return _fitted(_beside_devices(name))


def _both_ends(raw: str) -> str:
    """Composing a megabyte of accents takes minutes, and the middle of such a name is cut away anyway."""
    if len(raw) <= 2 * _READ_AT_EACH_END:
        return raw
    return raw[:_READ_AT_EACH_END] + raw[-_READ_AT_EACH_END:]


def _without_unseen(name: str) -> str:
    name = _TAGS.sub(r"\1", _UNSEEN.sub("", name))
    name = _VARIATIONS.sub(_variation_with_a_sign, name)
    return _JOINERS.sub(_joiner_between_signs, name)


def _variation_with_a_sign(match: re.Match[str]) -> str:
    """A variation selector picks the look of an emoji, a keycap or an ideograph; elsewhere it only hides."""
    sign = match.string[: match.start()][-1:]
    if sign.isascii():
        return match[0][0] if sign and sign in "0123456789#*" else ""
    return match[0][0] if _is_joinable(sign) else ""


def _joiner_between_signs(match: re.Match[str]) -> str:
    """Joiners build families of emoji and spell Persian and Indic words; at an edge they only hide."""
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    return match[0][0] if before and after and _is_joinable(before) and _is_joinable(after) else ""


def _is_joinable(sign: str) -> bool:
    if "\U0001f000" <= sign <= "\U0001faff":
        return True  # among them emoji newer than this Python's tables
    kind = unicodedata.category(sign)[0]
    return kind in "LM" or (not sign.isascii() and kind in "SP")


def _beside_devices(name: str) -> str:
    return f"_{name}" if _DEVICE.match(name) else name


def _fitted(name: str) -> str:
    if len(name.encode()) <= LONGEST_NAME:
        return name
    kept = ending(name)
    room = LONGEST_NAME - len(kept.encode())
    cut = len(name.encode()[:room].decode(errors="ignore"))
    return name[: _sign_start(name, cut)].rstrip(" ") + kept


def _sign_start(text: str, cut: int) -> int:
    """The nearest place at or before `cut` that splits no visible sign, unless it is very far away."""
    for place in range(cut, max(cut - 40, 0), -1):
        if not _clings(text, place):
            return place
    return cut


def _clings(text: str, place: int) -> bool:
    before, after = text[place - 1], text[place]
    if before == "\u200d" or after in "\u200c\u200d" or unicodedata.category(after)[0] == "M":
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True
    return len(_letters_of_flags(text[: place + 1])) % 2 == 0 and _letters_of_flags(after) != ""


def _letters_of_flags(text: str) -> str:
    """The regional letters at the end of a text; two of them make one flag."""
    return text[len(text.rstrip(_FLAG_LETTERS)) :]


def _plain(name: str) -> str:
    """The same name as well as a small alphabet can say it, for programs that know nothing newer."""
    spelled = unicodedata.normalize("NFKD", name.translate(_SPELLED))
    letters = "".join(sign for sign in spelled if not unicodedata.combining(sign))
    plain = _NOT_PLAIN.sub("_", letters).strip(" ").rstrip(" .")
    stem = plain.removesuffix(ending(plain))
    if not re.search("[A-Za-z0-9]", stem):
        plain = "file" + plain.removeprefix(stem)
    return _fitted(_beside_devices(plain))

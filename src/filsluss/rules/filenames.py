"""File names: how the name that a client sends is cleaned, and how it is written in a header."""

import contextlib
import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import quote

LONGEST_NAME = 255  # bytes of UTF-8: what ext4, APFS and NTFS all accept
LONGEST_FOLDER = 300

_KEPT_AT_EACH_END = 2048
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")

# Control characters, line separators, bidi controls, zero-width and filler characters, and noncharacters.
_INVISIBLE = re.compile(
    "[\x01-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\ufdd0-\ufdef\ufeff\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0080-\U000e00ff\U000e01f0-\U000e0fff"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000))
    + "]"
)
_TAG_SEQUENCES = re.compile("(\U0001f3f4[\U000e0020-\U000e007e]{3,6}\U000e007f)|[\U000e0000-\U000e007f]")
_VARIATION_SELECTORS = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]+")
_JOINERS = re.compile("[\u200c\u200d]+")
_BLANKS = re.compile("[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000\u3164\uffa0]+")

# Names that cleaning leaves as they are, unless they are a device's.
_PLAIN = re.compile(r"[A-Za-z0-9_()-](?:[A-Za-z0-9_.()-]{0,198}[A-Za-z0-9_()-])?")

_RESERVED = re.compile(r'[/\\<>:"|?*]')
_DEVICE_NAME = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:\.|\Z)",
    re.IGNORECASE,
)
_EXTENSION = re.compile(r"(?<=.)(?:\.tar)?\.[^\W_]{1,25}\Z", re.IGNORECASE)

_NOT_IN_ASCII_NAME = re.compile(r"[^A-Za-z0-9 ._()-]+")
_TRANSLITERATED = str.maketrans({"æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "ß": "ss", "ł": "l", "Ł": "L"})
_REGIONAL_INDICATORS = "".join(map(chr, range(0x1F1E6, 0x1F200)))


class NameRefused(ValueError):
    """The name holds a NUL or a lone surrogate, or nothing is left of it after cleaning."""


def clean_name(raw: str) -> str:
    """The name made safe to show, to mail and to save on any system (idempotent); raises NameRefused."""
    if _PLAIN.fullmatch(raw):
        return _not_a_device(raw)
    if _NOT_TEXT.search(raw):
        raise NameRefused("not a text")
    name, cleaned = raw, _clean_once(_both_ends(raw))
    while cleaned != name:  # a step may make work for an earlier one: a cut name may end in a blank
        name, cleaned = cleaned, _clean_once(cleaned)
    return name


def distinct_paths(paths: Iterable[str]) -> list[str]:
    """The paths in order, made unique without regard to case: a.txt, a (2).txt, all (2).tar.gz.

    No file gets the name of a folder that another lies in.
    """
    paths = list(paths)
    folders = (path.split("/")[:-1] for path in paths)
    taken = {"/".join(parts[: depth + 1]).casefold() for parts in folders for depth in range(len(parts))}
    return [_free_path(path, taken) for path in paths]


def _free_path(path: str, taken: set[str]) -> str:
    folder, slash, name = path.rpartition("/")
    found, number, ending = path, 1, extension(name)
    while found.casefold() in taken:
        number += 1
        mark = f" ({number}){ending}"
        found = folder + slash + _fitted(name.removesuffix(ending), LONGEST_NAME - len(mark.encode())) + mark
    taken.add(found.casefold())
    return found


def clean_folder(raw: str) -> str:
    """The folder that a file was in, each name in it cleaned; of a long one the last LONGEST_FOLDER signs."""
    if not raw:
        return ""
    kept: list[str] = []
    for part in reversed(re.split(r"[/\\]", raw)):
        with contextlib.suppress(NameRefused):  # "", "." and "..", too
            kept.insert(0, clean_name(part))
        if len("/".join(kept)) > LONGEST_FOLDER:
            return "/".join(kept[1:])
    return "/".join(kept)


def extension(name: str) -> str:
    """The file name extension: .pdf of report.pdf, .tar.gz of all.tar.gz, empty for .htaccess."""
    match = _EXTENSION.search(name)
    return match[0] if match else ""


def content_disposition(name: str) -> str:
    """The header value with which a browser saves the bytes under exactly this name (RFC 6266, RFC 8187)."""
    exact = quote(name, safe="", errors="replace")
    return f"attachment; filename=\"{_ascii_name(name)}\"; filename*=UTF-8''{exact}"


def _clean_once(name: str) -> str:
    name = without_invisible(unicodedata.normalize("NFC", name))
    name = _RESERVED.sub("_", _BLANKS.sub(" ", name))
    name = name.lstrip(" ").rstrip(" .")  # Windows drops trailing blanks and dots
    if not name:
        raise NameRefused("nothing left")
    return _shortened(_not_a_device(name))


def _both_ends(raw: str) -> str:
    """Normalising a megabyte of combining accents takes minutes; the middle would be cut away anyway."""
    if len(raw) <= 2 * _KEPT_AT_EACH_END:
        return raw
    return raw[:_KEPT_AT_EACH_END] + raw[-_KEPT_AT_EACH_END:]


def without_invisible(name: str) -> str:
    """Without characters that nobody sees, but for joiners and selectors that change how others look."""
    name = _TAG_SEQUENCES.sub(r"\1", _INVISIBLE.sub("", name))
    name = _VARIATION_SELECTORS.sub(_variation_selector, name)
    return _JOINERS.sub(_joiner, name)


def _variation_selector(match: re.Match[str]) -> str:
    """Kept after an emoji, a keycap or an ideograph, whose look it selects; elsewhere it is invisible."""
    char = match.string[: match.start()][-1:]
    if char.isascii():
        return match[0][0] if char and char in "0123456789#*" else ""
    return match[0][0] if _is_joinable(char) else ""


def _joiner(match: re.Match[str]) -> str:
    """Kept between two characters, as in emoji sequences and Persian and Indic words; else invisible."""
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    return match[0][0] if before and after and _is_joinable(before) and _is_joinable(after) else ""


def _is_joinable(char: str) -> bool:
    if "\U0001f000" <= char <= "\U0001faff":
        return True  # this block holds emoji that are newer than Python's Unicode tables
    category = unicodedata.category(char)[0]
    return category in "LM" or (not char.isascii() and category in "SP")


def _not_a_device(name: str) -> str:
    return f"_{name}" if _DEVICE_NAME.match(name) else name


def _shortened(name: str) -> str:
    """At most LONGEST_NAME bytes, with the extension kept."""
    if len(name.encode()) <= LONGEST_NAME:
        return name
    kept = extension(name)
    return _fitted(name, LONGEST_NAME - len(kept.encode())).rstrip(" ") + kept


def _fitted(text: str, limit: int) -> str:
    """The beginning of the text that fits into `limit` bytes of UTF-8."""
    if len(text.encode()) <= limit:
        return text
    cut = len(text.encode()[:limit].decode(errors="ignore"))
    return text[: _cluster_start(text, cut)]


def _cluster_start(text: str, cut: int) -> int:
    """The last index up to `cut` that splits no grapheme cluster, searched for over 40 code points."""
    for index in range(cut, max(cut - 40, 0), -1):
        if not _is_inside_cluster(text, index):
            return index
    return cut


def _is_inside_cluster(text: str, index: int) -> bool:
    before, after = text[index - 1], text[index]
    if before == "\u200d" or after in "\u200c\u200d" or unicodedata.category(after)[0] == "M":
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True
    return len(_trailing_indicators(text[: index + 1])) % 2 == 0 and _trailing_indicators(after) != ""


def _trailing_indicators(text: str) -> str:
    """The regional indicators at the end of a text; two of them make one flag."""
    return text[len(text.rstrip(_REGIONAL_INDICATORS)) :]


def _ascii_name(name: str) -> str:
    """The name transliterated to ASCII, for clients that do not know `filename*`."""
    decomposed = unicodedata.normalize("NFKD", name.translate(_TRANSLITERATED))
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    ascii_name = _NOT_IN_ASCII_NAME.sub("_", letters).strip(" ").rstrip(" .")
    stem = ascii_name.removesuffix(extension(ascii_name))
    if not re.search("[A-Za-z0-9]", stem):
        ascii_name = "file" + ascii_name.removeprefix(stem)
    return _shortened(_not_a_device(ascii_name))


def kind_of(name: str) -> str:
    """What stands on the picture of a file: its extension in capitals ("PDF"), nothing if that is long."""
    found = re.fullmatch(r".+\.([A-Za-z0-9]{1,4})", name, re.DOTALL)
    return found[1].upper() if found else ""

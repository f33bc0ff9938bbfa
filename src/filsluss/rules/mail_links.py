"""What mail programs turn into links, found by rule, and text written so that they find none."""

import re

_DOTS = ".\u2024\u3002\ufe52\uff0e\uff61"  # what browsers read as the dot of a host name (UTS 46, NFKC)
_COLONS = ":\ufe55\uff1a"
_ATS = "@\ufe6b\uff20"
_IGNORED = "\u0300-\u036f\u200c\u200d\ufe00-\ufe0f"  # a browser drops or composes these in a host name

# A top-level domain begins with two letters (RFC 3696, 2), in any script. A single letter after a dot is
# an abbreviation (o.s.v.), as are these two.
_LETTER = r"[^\W\d_]"
_TOP_LEVEL = rf"(?=[{_IGNORED}]*{_LETTER}(?:{_LETTER}|[\u0300-\u1fff\u200c\u200d]))"
_ABBREVIATION = r"(?<![\w.-])(?:t\.ex|m\.fl)(?![\w@/:-])"
_HOST_DOT = re.compile(rf"{_ABBREVIATION}|(?<=[^\s{_DOTS}])[{_DOTS}]{_TOP_LEVEL}", re.IGNORECASE)
_SITE = re.compile(rf"(?<![A-Za-z0-9])(www[0-9]*|ftp)[{_DOTS}](?=\S)", re.IGNORECASE)
_IP_ADDRESS = re.compile(rf"\d+(?:[{_DOTS}]\d+){{3}}")

# A scheme (RFC 3986, 3.1) before anything but a blank or a closing mark; a Swedish ending is none (EU:s).
_ENDING = r"(?:s|n|t|en|et|ar|er|or|na)(?![\w@./:-])"
_SCHEME = re.compile(
    rf"([A-Za-z][A-Za-z0-9+.-]*)[{_COLONS}](?!{_ENDING})(?=[^\s).,;!?\]}}\"'\u2019\u201d\u00bb])",
    re.IGNORECASE,
)
_SLASHES = re.compile(rf"[{_COLONS}](?=[/\\]{{2}})")
_AT = re.compile(rf"(?<=\S)[{_ATS}](?=[^\s\]])")
_SHARE = re.compile(r"\\\\(?=[^\s\\])")

FILE_TYPES = frozenset(
    "pdf doc docx docm xls xlsx xlsm xlsb ppt pptx pptm odt ods odp odg rtf txt csv tsv xml json htm html "
    "jpg jpeg png gif tif tiff bmp svg heic webp psd eps raw mp3 mp4 m4a m4v wav flac ogg avi mkv webm wmv "
    "mpg mpeg dwg dxf dwf dwfx dgn ifc rvt skp stl step shp dbf prj gpkg geojson kml kmz laz dcm vsd vsdx "
    "indd 7z rar tar gz tgz bz2 xz iso msg eml pst ics vcf log sql sqlite mdb accdb ttf otf sav xps cer crt "
    "pem bak bin dat".split()
)
"""File name extensions that are no top-level domain: the only dots before two letters that may stay."""
_FILE_ENDING = re.compile(rf"(?:\.(?:{'|'.join(sorted(FILE_TYPES))}))+\Z", re.IGNORECASE)


def defused(text: str) -> str:
    """The text with every dot, colon, @ or share that could make a link in brackets: evil[.]com (idempotent).

    It must hold no control characters and no invisible ones between ASCII characters.
    """
    text = _SHARE.sub(r"\\[\\]", text)
    text = _SLASHES.sub("[:]", _SCHEME.sub(r"\1[:]", text))
    text = _IP_ADDRESS.sub(lambda match: re.sub(f"[{_DOTS}]", "[.]", match[0]), text)
    text = _HOST_DOT.sub(_bracketed, _SITE.sub(r"\1[.]", text))
    return _AT.sub("[@]", text)


def defused_file_name(name: str) -> str:
    """The same for a file's name, whose ending stays as it is if it is that of a common type of file."""
    shown, ending = defused(name), _FILE_ENDING.search(name)
    if not ending or _SITE.search(name):
        return shown
    written = ending[0].replace(".", "[.]")
    return shown.removesuffix(written) + ending[0] if shown.endswith(written) else shown


def defused_address(address: str) -> str:
    """An accepted address, which stays as it is unless it begins like the name of a site."""
    return defused(address) if _SITE.match(address) else address


def holds_address(text: str) -> bool:
    """Whether the text holds an @ in any of its forms, as an email address does."""
    return any(mark in text for mark in _ATS)


def _bracketed(match: re.Match[str]) -> str:
    return "[.]" if len(match[0]) == 1 else match[0]

"""The HTML part of a letter, made from its text, so that both parts say the same."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from filsluss.letters.verbatim import as_html, without_marks

QUOTE, BULLET, NUMBER, PLAIN = "quote", "bullet", "number", "plain"
MARKS = {QUOTE: re.compile("> ?"), BULLET: re.compile("- "), NUMBER: re.compile(r"\d+\. ")}
INDENT = "  "

COLUMN = "width:100%;max-width:600px;background:#FFFFFF;color:#16202A;border-top:4px solid"
TYPE = (
    "padding:24px;font-family:Arial,Helvetica,sans-serif;font-size:16px;line-height:24px;"
    "overflow-wrap:anywhere;word-break:break-word"
)
DARK = """@media (prefers-color-scheme: dark) {
.b { background: #11181F !important; }
.c { background: #1A232C !important; color: #EAF0F5 !important; }
.m { color: #B4C0CB !important; }
a { color: #7CC4F2 !important; }
a.k { color: #FFFFFF !important; }
}"""
SMALL = "font-size:14px;line-height:20px;color:#4A5866"
LINK = "color:#0A5A8A"
LARGE = "font-family:Consolas,Menlo,monospace;font-size:22px;line-height:32px;letter-spacing:1px"
CODE = re.compile(r"[2-9A-Z]{4}(-[2-9A-Z]{4}){2}")
PADDING = "&#847;&zwnj;&nbsp;" * 100
"""Invisible signs after the preview, so that mail programs show nothing of the letter behind it."""
LOGO = "logo"
"""The Content-ID of the logo, which is a part of the message."""
LOGO_HEIGHT = 40


@dataclass(frozen=True)
class LetterStyle:
    """Branding: a colour with enough contrast to white, and the logo's width in pixels, 0 for none."""

    brand: str = "#00596E"
    logo_width: int = 0
    organisation: str = ""


@dataclass(frozen=True)
class OwnLinks:
    """The URLs of ours in a letter; nothing else becomes a link. `other` leads on in `other_language`."""

    urls: Sequence[str]
    other: str = ""
    other_language: str = ""


def render_html(
    text: str,
    *,
    heading: str,
    preview: str,
    links: OwnLinks,
    language: str,
    look: LetterStyle = LetterStyle(),
) -> str:
    """The whole document. Only `links` become links, at the end of a line; everything else is escaped.

    What has the marks of `verbatim` around it is not to be translated, nor are the links.
    Two lines of which the second is a link become a button with the first as its label; a letter with one
    button shows its URL, too. A line "label: URL" becomes a link with that label. Lines after one with two
    dashes are the footer.
    """
    body, _, foot = text.strip("\n").partition("\n--\n")
    paragraphs = [each.split("\n") for each in body.strip("\n").split("\n\n")]
    shows_url = sum(is_button(each, links) for each in paragraphs) == 1
    return page(
        heading=escape(heading),
        preview=escape(preview),
        content="".join(
            piece for each in paragraphs for piece in blocks(each, links, look, shows_url=shows_url)
        ),
        foot=broken(foot.split("\n"), links),
        language=language,
        look=look,
    )


def is_button(lines: Sequence[str], links: OwnLinks) -> bool:
    return len(lines) == 2 and lines[1] in links.urls


def blocks(lines: Sequence[str], links: OwnLinks, look: LetterStyle, *, shows_url: bool) -> Iterator[str]:
    """An element for each run of plain, listed or quoted lines of a paragraph."""
    for kind, run in groupby(kinds(lines), key=lambda pair: pair[0]):
        block = [line for _, line in run]
        if kind == QUOTE:
            yield quotation(block)
        elif kind in (BULLET, NUMBER):
            yield listing("ul" if kind == BULLET else "ol", items(block, MARKS[kind]), links)
        elif is_button(block, links):
            yield button(block[0].removesuffix(":"), block[1], look.brand, shows_url=shows_url)
        else:
            yield f'<p style="margin:0 0 16px">{broken(block, links)}</p>\n'


def kinds(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each line with its kind; an indented line continues the list item above it."""
    kind = PLAIN
    for line in lines:
        if not (line.startswith(INDENT) and kind in (BULLET, NUMBER)):
            kind = next((name for name, mark in MARKS.items() if mark.match(line)), PLAIN)
        yield kind, line


def items(lines: Sequence[str], mark: re.Pattern[str]) -> list[list[str]]:
    found: list[list[str]] = []
    for line in lines:
        if line.startswith(INDENT):
            found[-1].append(line.strip())
        else:
            found.append([mark.sub("", line, count=1)])
    return found


def listing(tag: str, found: Sequence[Sequence[str]], links: OwnLinks) -> str:
    inner = "".join(f'<li style="margin:0 0 8px">{broken(item, links)}</li>\n' for item in found)
    return f'<{tag} style="margin:0 0 16px;padding:0 0 0 24px">\n{inner}</{tag}>\n'


def quotation(lines: Sequence[str]) -> str:
    inner = "<br>\n".join(shown(MARKS[QUOTE].sub("", line, count=1)) for line in lines)
    style = "margin:0 0 16px;padding:0 0 0 12px;border-left:4px solid #66758A"
    return f'<blockquote style="{style}">{inner}</blockquote>\n'


def button(label: str, link: str, brand: str, *, shows_url: bool) -> str:
    """A table, because some mail programs show no padding on links; below it the URL, if it is shown."""
    face = "display:inline-block;padding:12px 24px;color:#FFFFFF;font-weight:bold;text-decoration:none"
    url = f'<p class="m" style="{SMALL};margin:0 0 16px">{anchor(link)}</p>\n' if shows_url else ""
    return (
        f'<table role="presentation" cellpadding="0" cellspacing="0" style="margin:0 0 {8 if url else 16}px">'
        f'<tr><td bgcolor="{brand}"><a class="k" href="{escape(link)}" style="{face}">{shown(label)}</a></td>'
        f"</tr></table>\n{url}"
    )


def broken(lines: Sequence[str], links: OwnLinks) -> str:
    """The lines with line breaks between them."""
    return "<br>\n".join(linked(line, links) for line in lines)


def linked(line: str, links: OwnLinks) -> str:
    """The line, or its label as a link if it ends with one of the links; a code is set large."""
    label, _, last = line.rpartition(" ")
    if last in links.urls and label:
        language = links.other_language if last == links.other else ""
        spoken = f' lang="{language}" hreflang="{language}"' if language else ""
        return f'<a href="{escape(last)}"{spoken} style="{LINK}">{shown(label.removesuffix(":"))}</a>'
    if CODE.fullmatch(without_marks(line)):
        return f'<strong style="{LARGE}">{shown(line)}</strong>'
    return anchor(last) if last in links.urls else shown(line)


def shown(text: str) -> str:
    """The text, escaped, with an element around what is not to be translated."""
    return as_html(escape(text))


def anchor(link: str) -> str:
    return f'<a href="{escape(link)}" translate="no" style="{LINK}">{escape(link)}</a>'


def logo(look: LetterStyle) -> str:
    """The logo as a part of the message: nothing is loaded from the network."""
    if not look.logo_width:
        return ""
    size = f'width="{look.logo_width}" height="{LOGO_HEIGHT}"'
    return f'<p style="margin:0 0 16px"><img src="cid:{LOGO}" alt="{escape(look.organisation)}" {size}></p>\n'


def page(*, heading: str, preview: str, content: str, foot: str, language: str, look: LetterStyle) -> str:
    """One column of at most 600 pixels, in light and dark colours; nothing is loaded from the network."""
    column = f"{COLUMN} {look.brand}"
    return f"""<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{heading}</title>
<style>
{DARK}
</style>
</head>
<body class="b" style="margin:0;padding:0;background:#F4F6F8">
<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">{preview}{PADDING}</div>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr>
<td align="center" style="padding:24px 12px">
<table role="presentation" class="c" width="600" cellpadding="0" cellspacing="0" style="{column}"><tr>
<td style="{TYPE}">
{logo(look)}<h1 style="margin:0 0 16px;font-size:22px;line-height:28px">{heading}</h1>
{content}<p class="m" style="{SMALL};margin:24px 0 0;padding:16px 0 0;border-top:1px solid #C3CCD5">{foot}</p>
</td></tr></table>
</td></tr></table>
</body>
</html>
"""

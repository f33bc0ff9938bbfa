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
LOGO = "logo"
"""The Content-ID of the logo, which is a part of the message."""
LOGO_HEIGHT = 40


@dataclass(frozen=True)
class LetterStyle:
    """Branding: a colour with enough contrast to white, and the logo's width in pixels, 0 for none."""

    brand: str = "#00596E"
    logo_width: int = 0
    organisation: str = ""


def render_html(
    text: str,
    *,
    heading: str,
    links: Sequence[str],
    language: str,
    last_line_language: str,
    look: LetterStyle = LetterStyle(),
) -> str:
    """The whole document. Only `links` become links, at the end of a line; everything else is escaped.

    What has the marks of `verbatim` around it is not to be translated, nor are the links.
    Two lines of which the second is a link become a button with the first as its label. Lines after one
    with two dashes are the footer, whose last line is in `last_line_language`.
    """
    body, _, foot = text.strip("\n").partition("\n--\n")
    paragraphs = body.strip("\n").split("\n\n")
    return page(
        heading=escape(heading),
        preview=escape(without_marks(" ".join((paragraphs[1:] or paragraphs)[0].split()))),
        content="".join(piece for each in paragraphs for piece in blocks(each.split("\n"), links, look)),
        foot=footer(foot.split("\n"), links, last_line_language),
        language=language,
        look=look,
    )


def blocks(lines: Sequence[str], links: Sequence[str], look: LetterStyle) -> Iterator[str]:
    """An element for each run of plain, listed or quoted lines of a paragraph."""
    for kind, run in groupby(kinds(lines), key=lambda pair: pair[0]):
        block = [line for _, line in run]
        if kind == QUOTE:
            yield quotation(block)
        elif kind in (BULLET, NUMBER):
            yield listing("ul" if kind == BULLET else "ol", items(block, MARKS[kind]), links)
        elif len(block) == 2 and block[1] in links:
            yield button(block[0].removesuffix(":"), block[1], look.brand)
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


def listing(tag: str, found: Sequence[Sequence[str]], links: Sequence[str]) -> str:
    inner = "".join(f'<li style="margin:0 0 8px">{broken(item, links)}</li>\n' for item in found)
    return f'<{tag} style="margin:0 0 16px;padding:0 0 0 24px">\n{inner}</{tag}>\n'


def quotation(lines: Sequence[str]) -> str:
    inner = "<br>\n".join(shown(MARKS[QUOTE].sub("", line, count=1)) for line in lines)
    style = "margin:0 0 16px;padding:0 0 0 12px;border-left:4px solid #66758A"
    return f'<blockquote style="{style}">{inner}</blockquote>\n'


def button(label: str, link: str, brand: str) -> str:
    """A table, because some mail programs show no padding on links; the URL is shown below it."""
    face = "display:inline-block;padding:12px 24px;color:#FFFFFF;font-weight:bold;text-decoration:none"
    return (
        '<table role="presentation" cellpadding="0" cellspacing="0" style="margin:0 0 8px"><tr>'
        f'<td bgcolor="{brand}"><a class="k" href="{escape(link)}" style="{face}">{shown(label)}</a></td>'
        "</tr></table>\n"
        f'<p class="m" style="{SMALL};margin:0 0 16px">{anchor(link)}</p>\n'
    )


def footer(lines: Sequence[str], links: Sequence[str], last_line_language: str) -> str:
    last = f'<span lang="{last_line_language}">{linked(lines[-1], links)}</span>'
    return "<br>\n".join([*(linked(line, links) for line in lines[:-1]), last])


def broken(lines: Sequence[str], links: Sequence[str]) -> str:
    """The lines with line breaks between them."""
    return "<br>\n".join(linked(line, links) for line in lines)


def linked(line: str, links: Sequence[str]) -> str:
    """The line with an anchor if it ends with one of the links."""
    before, blank, last = line.rpartition(" ")
    return shown(before + blank) + anchor(last) if last in links else shown(line)


def shown(text: str) -> str:
    """The text, escaped, with an element around what is not to be translated."""
    return as_html(escape(text))


def anchor(link: str) -> str:
    return f'<a href="{escape(link)}" translate="no" style="color:#0A5A8A">{escape(link)}</a>'


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
<div style="display:none;max-height:0;overflow:hidden">{preview}</div>
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

"""Names and checksums are not words: a browser that translates the page leaves them as they are."""

import re
from pathlib import Path

import filsluss

PAGES = Path(filsluss.__file__).parent / "templates" / "pages"
TYPED_TEXT = ("purpose", "reason")  # what people wrote is translated like the page


def marked() -> list[tuple[str, str, str]]:
    """Each `bdi` and checksum: the template, its attributes, and what it shows."""
    return [
        (path.name, attributes, shown)
        for path in sorted(PAGES.rglob("*.html"))
        for attributes, shown in re.findall(
            r'<(?:bdi|code class="checksum")([^>]*)>(?:\{\{ ([\w.]*) \}\})?', path.read_text()
        )
    ]


def test_names_and_checksums_are_left_to_nobody() -> None:
    found = marked()
    assert {"file.name", "name", "sender_name", "file.sha256", ""} <= {shown for _, _, shown in found}
    translated = [
        (name, shown)
        for name, attributes, shown in found
        if 'translate="no"' not in attributes and not shown.endswith(TYPED_TEXT)
    ]
    assert translated == []


def test_no_name_of_a_file_is_shown_without_its_mark() -> None:
    bare = [
        (path.name, line)
        for path in sorted(PAGES.rglob("*.html"))
        for line in re.findall(r"[^\n]{0,40}\{\{ file\.(?:name|sha256) \}\}", path.read_text())
        if not re.search(r'translate="no">\{\{ file\.(?:name|sha256) \}\}$', line)
    ]
    assert bare == []


def as_shown(path: Path) -> str:
    """A page's template without its tags of Django, its title, and the values of attributes."""
    text = re.sub(r"(?s)\{#.*?#\}|\{% block title %\}.*?\{% endblock %\}|\{%.*?%\}", "", path.read_text())
    return re.sub(r'="(?!no")[^"]*"', '=""', text)


def test_no_address_and_no_reference_is_left_to_a_translator() -> None:
    value = re.compile(
        r"\{\{ (?:[\w.]*\.(?:address|public_id)|letter\.to|support_email|email|recipient|id)"
        r"(?:\|breakable)? \}\}"
    )
    pages = {path.name: as_shown(path) for path in sorted(PAGES.rglob("*.html"))}
    found = [(name, text[: each.start()]) for name, text in pages.items() for each in value.finditer(text)]
    assert len(found) > 20
    assert [(name, text[-60:]) for name, text in found if not text.endswith('translate="no">')] == []

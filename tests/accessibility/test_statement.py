"""What the statement of accessibility rests on: tests that are there, and what the sources show."""

import ast
import re
from datetime import date
from pathlib import Path

import pytest

import filsluss
from filsluss.pages import wcag

PACKAGE = Path(filsluss.__file__).parent
TESTS = Path(__file__).parents[1]
TEMPLATES = {path: path.read_text() for path in sorted((PACKAGE / "templates" / "pages").rglob("*.html"))}
SCRIPTS = {path: path.read_text() for path in sorted((PACKAGE / "static" / "filsluss").glob("*.js"))}
SHEET = (PACKAGE / "static" / "filsluss" / "site.css").read_text()
NUMBERS = {
    "A": "1.1.1 1.2.1 1.2.2 1.2.3 1.3.1 1.3.2 1.3.3 1.4.1 1.4.2 2.1.1 2.1.2 2.1.4 2.2.1 2.2.2 2.3.1 2.4.1 "
    "2.4.2 2.4.3 2.4.4 2.5.1 2.5.2 2.5.3 2.5.4 3.1.1 3.2.1 3.2.2 3.2.6 3.3.1 3.3.2 3.3.7 4.1.2",
    "AA": "1.2.4 1.2.5 1.3.4 1.3.5 1.4.3 1.4.4 1.4.5 1.4.10 1.4.11 1.4.12 1.4.13 2.4.5 2.4.6 2.4.7 2.4.11 "
    "2.5.7 2.5.8 3.1.2 3.2.3 3.2.4 3.3.3 3.3.4 3.3.8 4.1.3",
}


def names_in(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def missing(names: tuple[str, ...]) -> list[str]:
    """The tests of those names, each with its file, that are not there."""
    places = [name.split("::") for name in names]
    return [
        f"{file}::{name}"
        for file, name in places
        if not (TESTS / file).is_file() or name not in names_in(TESTS / file)
    ]


def test_every_criterion_of_wcag_is_there_once() -> None:
    named = [(each.number, each.level) for each in wcag.criteria()]
    wanted = [(number, level) for level, numbers in NUMBERS.items() for number in numbers.split()]
    assert (len(wanted), sorted(named)) == (55, sorted(wanted))


def test_every_criterion_names_a_test_that_is_there_or_the_day_somebody_looked() -> None:
    assert missing(tuple(name for each in wcag.criteria() for name in each.tests)) == []
    without = [each.number for each in wcag.criteria() if bool(each.tests) == bool(each.checked)]
    assert without == []
    assert all(each.checked <= date.today() for each in wcag.criteria() if each.checked)  # noqa: DTZ011


def test_what_is_looked_at_says_what_was_seen() -> None:
    rows = wcag.FILE.read_text().split("[[criterion]]")[1:]
    looked = [row for row in rows if "checked = " in row]
    assert (len(looked), len(looked) < 10) == (sum(1 for each in wcag.criteria() if each.checked), True)
    assert [row for row in looked if not re.search(r'by_hand = ".{40,}"', row)] == []


@pytest.mark.parametrize("name", ["accessibility/test_axe.py::test_gone", "accessibility/gone.py::test_x"])
def test_a_test_that_is_gone_would_be_missed(name: str) -> None:
    assert missing((name,)) == [name]


def in_templates(expression: str) -> list[tuple[str, str]]:
    return [(path.name, found) for path, text in TEMPLATES.items() for found in re.findall(expression, text)]


def test_no_page_has_sound_or_moving_pictures() -> None:
    assert in_templates(r"<(?:audio|video|object|embed|canvas|marquee|blink)\b") == []
    assert [path.name for path, text in SCRIPTS.items() if re.search(r"\bnew Audio|AudioContext", text)] == []


def test_the_only_pictures_are_the_logo_and_drawings_without_words() -> None:
    """And the code that an app scans, which holds no words that are seen and whose text stands below it."""
    assert in_templates(r'<img src="{{ ([\w.]+) }}') == [
        ("base.html", "branding.logo"),
        ("factors.html", "qr"),
    ]
    assert len(in_templates(r"<img\b")) == 2
    assert in_templates(r'<img src="{{ qr }}" alt="{% translate "([^"]+)"') == [
        ("factors.html", "A QR code with the text below")
    ]
    assert in_templates(r'(?s)<img src="{{ qr }}"[^\n]*\n<p><code[^>]*>{{ (\w+) }}') == [
        ("factors.html", "secret")
    ]
    drawings = [
        *re.findall(r"(?s)<svg.*?</svg>", "".join(TEMPLATES.values())),
        *(path.read_text() for path in (PACKAGE / "static").rglob("*.svg")),
    ]
    words = [word for each in drawings for word in re.findall(r"<text[^>]*>([^<{]*)", each)]
    assert "".join(words) == "", "the kind of a file stands in a drawing as text, and nothing else does"
    assert "url(" not in SHEET


def test_no_style_depends_on_how_a_device_is_held() -> None:
    assert re.findall(r"orientation|rotate", SHEET) == []


def test_nothing_appears_because_a_pointer_is_over_it() -> None:
    rules = re.findall(r"([^{}]*:hover[^{}]*)\{([^{}]*)\}", SHEET)
    assert len(rules) > 3
    assert [rule for rule, body in rules if re.search(r"display|visibility|opacity|content", body)] == []
    assert [found for found in in_templates(r"<(?!iframe)\w+[^>]* title=") if found] == []


def test_no_script_listens_to_keys_or_to_the_paths_and_shakes_of_a_pointer() -> None:
    heard = {
        event for text in SCRIPTS.values() for event in re.findall(r'addEventListener\(\s*"(\w+)"', text)
    }
    assert {"click", "change"} <= heard
    assert [event for event in heard if re.match("key|mouse|pointer|touch|device|wheel|gesture", event)] == []
    assert in_templates(r"accesskey") == []


def test_fields_about_the_writer_say_what_they_are_for() -> None:
    apply = TEMPLATES[PACKAGE / "templates/pages/apply.html"]
    for field, purpose in (("sender_name", "name"), ("sender_email", "email")):
        assert re.search(rf'id="{field}"[^%]*autocomplete="{purpose}"', apply), field
    own = [found for _, found in in_templates(r'(id="(?:own_email|reply_email)"[^%]*) only')]
    assert [field for field in own if 'autocomplete="email"' not in field] == []
    assert len(own) == 3


def test_passwords_and_codes_may_be_pasted_and_kept_by_a_program() -> None:
    assert len(in_templates(r'autocomplete="current-password"')) == 1
    assert len(in_templates(r'autocomplete="username"')) == 1
    assert [path.name for path, text in SCRIPTS.items() if re.search(r'"(?:paste|copy)"', text)] == []


def test_a_name_that_is_only_heard_begins_with_the_words_that_are_seen() -> None:
    buttons = in_templates(r"(?s)<(?:button|a)\b[^>]*aria-label=\"(.*?)\">(.*?)</(?:button|a)>")
    said = re.compile(r'\{% (?:translate "([^"]+)"|blocktranslate[^%]*%\}([^{]+))')
    found = [
        (name, said.findall(label), said.findall(shown))
        for name, (label, shown) in buttons
        if label and shown
    ]
    for name, heard, seen in found:
        assert "".join(heard[0]).startswith("".join(seen[0])), name
    assert found


def test_what_is_in_the_other_language_says_so() -> None:
    switches = in_templates(r"<[^>]*>\{\{ other\.name \}\}")
    assert len(switches) == 2
    assert [found for _, found in switches if 'lang="{{ other.code }}"' not in found] == []
    choice = TEMPLATES[PACKAGE / "templates/pages/parts/language_choice.html"]
    assert 'lang="{{ code }}">{{ name }}</label>' in choice


def test_every_page_has_the_same_header_and_the_same_foot_with_help() -> None:
    """Help stands at the same place in the same foot, and no page has another header."""
    pages = {path: text for path, text in TEMPLATES.items() if "parts" not in path.parts}
    base = pages.pop(PACKAGE / "templates/pages/base.html")
    assert len(pages) > 15
    assert [path.name for path, text in pages.items() if '{% extends "pages/base.html" %}' not in text] == []
    assert [path.name for path, text in pages.items() if re.search("<(?:header|footer)", text)] == []
    assert re.search(r'(?s)<footer.*\{% url "help" %\}.*</footer>', base)
    assert {block for text in pages.values() for block in re.findall(r"\{% block (\w+) %\}", text)} <= {
        *("robots", "title", "scripts", "language_switch", "content", "page"),
    }

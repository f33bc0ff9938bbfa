"""What pages look like, as far as sources show it: weights, one measure, addresses, and the tables."""

import re
from pathlib import Path

import pytest

import filsluss
from filsluss.pages.filters import breakable
from tests.pages.cases import ANNA, Page, open_transfer, pending, ready_file
from tests.parts import administrators

PACKAGE = Path(filsluss.__file__).parent
SHEET = (PACKAGE / "static" / "filsluss" / "site.css").read_text()
TEMPLATES = sorted((PACKAGE / "templates" / "pages").rglob("*.html"))
ISO = re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d)?")


def test_there_are_three_weights_and_terms_and_states_have_the_regular_one():
    assert set(re.findall(r"font-weight: ([\w-]+)", SHEET)) == {"400", "600", "700", "inherit"}
    regular = [rule for rule in re.findall(r"([^{}]+)\{([^}]*)\}", SHEET) if "font-weight" in rule[1]]
    assert [name for name, _ in regular if re.search(r"\.state\b|\bdt\b", name)] == []


def test_text_forms_and_notes_have_one_measure():
    widths = re.findall(r"([^{}]+)\{[^}]*max-width: var\(--measure\)", SHEET)
    for name in ("p, ul, ol, dl, .hint, .note", ".narrow", ".form", ".summary"):
        assert any(name in each for each in widths), name
    assert "text-wrap: pretty" in SHEET


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (ANNA, "anna<wbr>.berg@<wbr>ltdalarna<wbr>.se"),
        ("<b>@x.se", "&lt;b&gt;@<wbr>x<wbr>.se"),
        ("", ""),
        ("tjänsten", "tjänsten"),
    ],
)
def test_an_address_breaks_after_its_at_sign_and_before_its_dots_only(address, shown):
    assert breakable(address) == shown


def test_the_address_of_the_support_does_not_end_a_line_with_its_hyphen():
    assert re.search(r'\[href\^="mailto:"\] \{ display: inline-block; \}', SHEET)


def test_every_address_of_a_case_may_break():
    shown = r"\{\{ ([\w.]+\.address|letter\.to)(?:\|shown:mask)?(\|\w+)? \}\}"
    found = [(path.name, *each) for path in TEMPLATES for each in re.findall(shown, path.read_text())]
    assert len(found) > 10
    assert [each for each in found if each[2] != "|breakable"] == []


def test_every_cell_that_shows_what_somebody_typed_may_break_anywhere():
    cell = re.compile(r"<(t[dh])\b([^>]*)>(.*?)</\1>")
    found = [(path.name, *each) for path in TEMPLATES for each in cell.findall(path.read_text())]
    typed = [each for each in found if re.search(r"breakable|<bdi|\|shown:mask", each[3])]
    assert len(typed) > 10
    assert [each for each in typed if 'class="long"' not in each[2]] == []
    assert re.search(r"\.data-table \.long \{[^}]*overflow-wrap: anywhere", SHEET)


def test_the_administrators_tables_have_iso_dates_tags_ways_and_last_days(inside):
    administrators.sign_in(inside)
    waiting, busy = pending(), open_transfer()
    ready_file(busy)
    for address in ("/oversee", f"/oversee/transfers/{busy.public_id}", "/oversee/security"):
        source = inside.get(address).content.decode()
        cells = re.findall(r"<td[^>]*><time[^>]*>([^<]*)</time>", source)
        assert cells, address
        assert [cell for cell in cells if not ISO.fullmatch(cell)] == [], address
    page = Page(inside.get("/oversee").content.decode())
    assert page.all("body") == [{"class": "wide"}]
    assert sorted(each["class"] or "" for each in page.all("span") if "tag" in (each.get("class") or "")) == [
        "tag ok",
        "tag warn",
    ]
    rows = dict(re.findall(r'translate="no">([\w-]{9})</span></a></th>(.*?)</tr>', page.source))
    for row, way, day in (
        (busy, "ut", busy.open_until),
        (waiting, "in", waiting.lapse_by),
    ):
        last = (day.astimezone().date()).isoformat()[:8]
        assert re.search(rf">{way}</td>", rows[row.public_id])
        assert last in rows[row.public_id]


def test_the_strip_of_the_demo_lies_in_the_header(inside, settings):
    settings.DEMO = True
    header = inside.get("/").content.decode().partition("<main")[0].partition("<header")[2]
    assert 'class="demo"' in header.partition("</header>")[0]

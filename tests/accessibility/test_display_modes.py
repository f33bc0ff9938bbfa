"""Display modes: enlarged, widely spaced, forced colours, reduced motion, print."""

import re

import pytest

from tests.parts import browser as chromium

# WCAG 2.2, 1.4.12: spacing that a reader may set and every page must support.
SPACED = "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }"
SPACED += " p { margin-bottom: 2em !important }"
TARGETS = """() => [...document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary"
)].filter(each => each.checkVisibility() && !each.matches(".skip"))
  .filter(each => each.matches("button, .button") || !each.closest("main p, main li:not(.file), dd, td, th"))
  .map(each => {
    const box = each.getBoundingClientRect();
    const label = each.matches("[type=checkbox], [type=radio]") && each.labels[0].getBoundingClientRect();
    return {
        what: each.outerHTML.slice(0, 80), width: box.width, height: box.height, label: label && label.height,
        isButton: each.matches("button, .button"),
    };
})"""
MOVING = """() => [...document.querySelectorAll("*")].filter(each => {
    const style = getComputedStyle(each);
    const isMoving = style.transitionDuration.split(", ").some(time => parseFloat(time) > 0);
    return isMoving || style.animationName !== "none";
}).map(each => each.outerHTML.slice(0, 80))"""
UNSEEN = """() => [...document.querySelectorAll("button, .button, input, select, textarea, .drop")].filter(
    each => each.checkVisibility() && !each.matches("[type=radio], [type=checkbox]")
).filter(each => {
    const style = getComputedStyle(each);
    return parseFloat(style.borderTopWidth) < 1 || style.borderTopColor === style.backgroundColor;
}).map(each => each.outerHTML.slice(0, 80))"""
COLOUR_OF_WRONG_FIELDS = """() => {
    const error = document.createElement("p");
    error.className = "error";
    document.querySelector("main").append(error);
    const fields = [...document.querySelectorAll(".wrong input, .wrong select, .wrong textarea")]
        .filter(each => !each.matches("[type=radio], [type=checkbox]"));
    return [getComputedStyle(error).color, fields.map(each => getComputedStyle(each).borderTopColor)];
}"""
PAPER = {"width": 700, "height": 990}
"""A4 within margins of 12 mm, in pixels of 1/96 inch."""
PAGES = ("apply-wrong", "decide", "upload", "download", "status-recipient", "help", "oversee-case")


@pytest.fixture
def shown(populated, browser):
    """What a script says in each of these pages, opened in one browser with those settings, by its name."""

    def show(question, *names, **habits):
        media = {
            name: habits.pop(name) for name in ("forced_colors", "reduced_motion", "media") if name in habits
        }
        sheet, found = habits.pop("sheet", ""), {}
        with chromium.person(browser, **{"bypass_csp": bool(sheet), **habits}) as page:
            page.emulate_media(**media)
            for name in names or PAGES:
                populated.open_page(page, name, "sv")
                if sheet:
                    page.add_style_tag(content=sheet)
                if name == "upload" and media.get("media") != "print":
                    page.locator("#drop").wait_for()
                found[name] = page.evaluate(question)
        return found

    return show


def of_each(answer):
    """What `shown` returns where every page answers the same."""
    return dict.fromkeys(PAGES, answer)


def test_a_page_fits_320_pixels_with_wide_spacing(shown):
    narrow = {"width": 320, "height": 640}
    assert shown("document.documentElement.scrollWidth", sheet=SPACED, viewport=narrow) == of_each(320)


def test_text_of_twice_the_size_needs_no_scrolling_to_the_side(shown):
    narrow, twice = {"width": 640, "height": 640}, ":root { font-size: 200% }"
    assert shown("document.documentElement.scrollWidth", sheet=twice, viewport=narrow) == of_each(640)


def test_every_target_is_large_enough(shown):
    found = shown(TARGETS, viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True)
    for name, targets in found.items():
        assert len(targets) > 6, name
        assert (name, [each for each in targets if min(each["width"], each["height"]) < 24]) == (name, [])
        assert (name, [each for each in targets if each["isButton"] and each["height"] < 44]) == (name, [])


@pytest.mark.parametrize(("width", "at_most"), [(1280, 64), (375, 130), (320, 165)])
def test_the_row_of_a_file_with_a_code_is_low_and_whole(shown, width, at_most):
    """Of names that need one line, or on a telephone two."""
    rows = """[...document.querySelectorAll("#files .file")].filter(
        each => each.querySelector(".show-code")
    ).map(each => ({
        height: each.getBoundingClientRect().height,
        outside: [...each.querySelectorAll("button, summary, .name, .state, .figures")]
            .filter(part => part.checkVisibility() && !part.closest(".hidden"))
            .filter(part => part.getBoundingClientRect().right > innerWidth).length,
    }))"""
    found = shown(rows, "upload", viewport={"width": width, "height": 700})["upload"]
    first, second, *_ = found
    assert (first["height"] <= at_most, second["height"] <= at_most + 24) == (True, True), found
    assert {each["outside"] for each in found} == {0}


def test_nothing_moves_for_whoever_has_asked_for_that(shown):
    assert shown(MOVING, reduced_motion="reduce") == of_each([])


def test_in_the_systems_own_colours_every_field_and_button_has_an_edge(shown):
    assert shown(UNSEEN, forced_colors="active") == of_each([])


def test_a_printed_page_has_the_case_and_neither_buttons_nor_secrets(shown):
    left = shown(
        "[document.body.innerText, "
        "...[...document.querySelectorAll('button, .site-header nav, footer, .demo')]"
        ".filter(each => each.checkVisibility()).map(each => each.outerHTML.slice(0, 80)), "
        "document.documentElement.scrollWidth]",
        media="print",
        viewport=PAPER,
    )
    for name, (text, *visible, width) in left.items():
        assert (name, visible, width) == (name, [], PAPER["width"])
        assert (name, re.findall(r"(?<![\w-])[\w-]{43}(?![\w-])", text)) == (name, [])
        assert len(text) > 100, name


def test_on_paper_a_link_to_another_website_says_where_it_leads_and_none_to_a_case_does(shown):
    question = """[...document.querySelectorAll("main a[href]")].map(each =>
        [each.getAttribute("href"), getComputedStyle(each, "::after").content])"""
    links = [link for found in shown(question, "privacy", "upload", media="print").values() for link in found]
    assert len(links) > 4
    assert {address for address, after in links if after != "none"} == {"https://www.imy.se/"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_wrong_field_has_a_border_in_the_colour_of_errors(shown, scheme):
    found = shown(COLOUR_OF_WRONG_FIELDS, "apply-wrong", color_scheme=scheme)
    error, fields = found["apply-wrong"]
    assert fields
    assert set(fields) == {error}

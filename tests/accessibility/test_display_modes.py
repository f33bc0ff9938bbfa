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
    """Opens a page with those browser settings, and evaluates a script in it."""

    def show(name, question, **habits):
        media = {
            name: habits.pop(name) for name in ("forced_colors", "reduced_motion", "media") if name in habits
        }
        sheet = habits.pop("sheet", "")
        with chromium.person(browser, **{"bypass_csp": bool(sheet), **habits}) as page:
            page.emulate_media(**media)
            populated.open_page(page, name, "sv")
            if sheet:
                page.add_style_tag(content=sheet)
            if name == "upload" and media.get("media") != "print":
                page.locator("#drop").wait_for()
            return page.evaluate(question)

    return show


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_320_pixels_with_wide_spacing(shown, name):
    narrow = {"width": 320, "height": 640}
    assert shown(name, "document.documentElement.scrollWidth", sheet=SPACED, viewport=narrow) == 320


@pytest.mark.parametrize("name", PAGES)
def test_text_of_twice_the_size_needs_no_scrolling_to_the_side(shown, name):
    narrow = {"width": 640, "height": 640}
    assert (
        shown(
            name, "document.documentElement.scrollWidth", sheet=":root { font-size: 200% }", viewport=narrow
        )
        == 640
    )


@pytest.mark.parametrize("name", PAGES)
def test_every_target_is_large_enough(shown, name):
    targets = shown(name, TARGETS, viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True)
    assert len(targets) > 6
    assert [each for each in targets if min(each["width"], each["height"]) < 24] == []
    assert [each for each in targets if each["isButton"] and each["height"] < 44] == []


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
    first, second, *_ = found = shown("upload", rows, viewport={"width": width, "height": 700})
    assert (first["height"] <= at_most, second["height"] <= at_most + 24) == (True, True), found
    assert {each["outside"] for each in found} == {0}


@pytest.mark.parametrize("name", PAGES)
def test_nothing_moves_for_whoever_has_asked_for_that(shown, name):
    assert shown(name, MOVING, reduced_motion="reduce") == []


@pytest.mark.parametrize("name", PAGES)
def test_in_the_systems_own_colours_every_field_and_button_has_an_edge(shown, name):
    assert shown(name, UNSEEN, forced_colors="active") == []


@pytest.mark.parametrize("name", PAGES)
def test_a_printed_page_has_the_case_and_neither_buttons_nor_secrets(shown, name):
    left = shown(
        name,
        "[document.body.innerText, "
        "...[...document.querySelectorAll('button, .site-header nav, footer, .demo')]"
        ".filter(each => each.checkVisibility()).map(each => each.outerHTML.slice(0, 80)), "
        "document.documentElement.scrollWidth]",
        media="print",
        viewport=PAPER,
    )
    text, *visible, width = left
    assert (visible, width) == ([], PAPER["width"])
    assert re.findall(r"(?<![\w-])[\w-]{43}(?![\w-])", text) == []
    assert len(text) > 100


def test_on_paper_a_link_to_another_website_says_where_it_leads_and_none_to_a_case_does(shown):
    question = """[...document.querySelectorAll("main a[href]")].map(each =>
        [each.getAttribute("href"), getComputedStyle(each, "::after").content])"""
    links = shown("privacy", question, media="print") + shown("upload", question, media="print")
    assert len(links) > 4
    assert {address for address, after in links if after != "none"} == {"https://www.imy.se/"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_wrong_field_has_a_border_in_the_colour_of_errors(shown, scheme):
    error, fields = shown("apply-wrong", COLOUR_OF_WRONG_FIELDS, color_scheme=scheme)
    assert fields
    assert set(fields) == {error}

"""axe finds nothing: every page, in both languages, light and dark, scripted and plain, narrow and wide."""

from itertools import product

import pytest

from tests.parts import browser as chromium
from tests.parts.axe import axe_violations, load_axe
from tests.parts.populated_service import PopulatedService

LANGUAGES, SCHEMES, SCRIPTS, WIDTHS = ("sv", "en"), ("light", "dark"), (True, False), (320, 1280)
EVERY = list(product(LANGUAGES, SCHEMES, SCRIPTS, WIDTHS))
PAIRS = [
    ("sv", "light", True, 320),
    ("en", "dark", False, 1280),
    ("sv", "dark", True, 1280),
    ("en", "light", False, 320),
    ("en", "dark", True, 320),
    ("sv", "light", False, 1280),
]
"""Between them every two of these properties meet; a page is shown in one and in its opposite."""
pytestmark = pytest.mark.timeout(600)


def ids(look):
    language, scheme, script, width = look
    return f"{language}-{scheme}-{'script' if script else 'plain'}-{width}"


def violations(populated: PopulatedService, browser, look, names):
    """What axe reports on those pages in that combination, and pages that are wider than their window."""
    language, scheme, script, width = look
    found = {}
    habits = {"color_scheme": scheme, "locale": language, "viewport": {"width": width, "height": 800}}
    with chromium.person(browser, **habits) as page:
        load_axe(page)
        if not script:
            page.route("**/*.js", lambda route: route.abort())  # axe itself must still be able to run
        for name in names:
            populated.open_page(page, name, language)
            if script and name == "upload":
                page.locator("#drop").wait_for()
            page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
            said = [
                (each["id"], node["target"], node["failureSummary"])
                for each in axe_violations(page)
                for node in each["nodes"]
            ]
            wide = page.evaluate("document.documentElement.scrollWidth")
            if said or wide > width:
                found[name] = (said, wide)
    return found


@pytest.mark.parametrize("number", range(len(PAIRS) // 2), ids=["a", "b", "c"])
def test_every_page_is_accessible_in_one_combination_and_in_its_opposite(populated, browser, number):
    names = [name for place, name in enumerate(populated.pages) if place % 3 == number]
    for look in PAIRS[2 * number : 2 * number + 2]:
        assert (look, violations(populated, browser, look, names)) == (look, {})


@pytest.mark.full
@pytest.mark.parametrize("look", EVERY, ids=map(ids, EVERY))
def test_every_page_is_accessible_in_every_combination(populated, browser, look):
    assert violations(populated, browser, look, populated.pages) == {}


def test_axe_reports_a_missing_label(populated, browser):
    with chromium.person(browser) as page:
        load_axe(page)
        populated.open_page(page, "apply", "sv")
        page.evaluate("document.querySelector('label[for=sender_name]').remove()")
        assert [each["id"] for each in axe_violations(page)] == ["label"]


def test_the_combinations_cover_every_pair_of_properties():
    for one, other in [(a, b) for a in range(4) for b in range(a)]:
        met = {(look[one], look[other]) for look in PAIRS}
        assert len(met) == 4, (one, other)

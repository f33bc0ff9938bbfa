"""Every browser of the tests listens for what a page's own policy forbids it; here, that it would hear it."""

import pytest

from tests.parts import browser as chromium

SCRIPT = "document.body.append(Object.assign(document.createElement('script'), {%s}))"
WRITTEN = "document.body.insertAdjacentHTML('beforeend', '%s')"
FORBIDDEN = {
    "an inline script": SCRIPT % "text: '1'",
    "an inline style": WRITTEN % '<p style="color: red">x</p>',
    "an inline handler": WRITTEN % '<img src="/favicon.ico" onload="1">',
    "a frame": WRITTEN % '<iframe src="/help"></iframe>',
    "a text that is run": "setTimeout('1')",
}


def test_asvs_3_4_7_no_page_does_what_its_policy_forbids_without_a_test_hearing_of_it(house, browser):
    for name, script in FORBIDDEN.items():
        with pytest.raises(AssertionError) as heard, chromium.person(browser) as page:  # noqa: PT012
            page.goto(house.url)
            page.evaluate(script)
            page.wait_for_timeout(200)
        assert "Content Security Policy" in str(heard.value), name


def test_a_page_that_does_nothing_forbidden_is_not_accused(house, browser):
    with chromium.person(browser) as page:
        page.goto(house.url)
        page.wait_for_load_state("networkidle")

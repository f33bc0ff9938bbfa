"""Every browser of the tests fails on a CSP violation; here, that it would notice one."""

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


def test_asvs_3_4_7_a_csp_violation_fails_the_test_it_happens_in(service, browser):
    for name, script in FORBIDDEN.items():
        with pytest.raises(AssertionError) as heard, chromium.person(browser) as page:  # noqa: PT012
            page.goto(service.url)
            page.evaluate(script)
            page.wait_for_timeout(200)
        assert "Content Security Policy" in str(heard.value), name


def test_a_page_that_does_nothing_forbidden_is_not_accused(service, browser):
    with chromium.person(browser) as page:
        page.goto(service.url)
        page.wait_for_load_state("networkidle")

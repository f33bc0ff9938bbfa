"""axe in a page: loaded as a page is opened, which costs less than to send it to each afterwards."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
RUN = "options => axe.run(document, options).then(({ violations }) => violations)"


def load_axe(page: Page) -> None:
    """Into each page that is opened from here on, before its own scripts."""
    page.add_init_script(AXE_SCRIPT)


def axe_violations(page: Page) -> list[dict[str, Any]]:
    """What axe reports on the page as it is; each has an `id`, and `nodes` with their `target`."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found: list[dict[str, Any]] = page.evaluate(RUN, RULES)
    return found

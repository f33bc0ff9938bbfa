"""What somebody hears who does not see the page: its live regions, and where the script moves the focus."""

from typing import Any

from playwright.sync_api import Page

from tests.parts.browser import while_page_works
from tests.parts.eventually import eventually

LISTEN = """addEventListener("DOMContentLoaded", () => {
    window.heard = [];
    const say = (role, text) => text && heard.push([performance.now(), role, text]);
    for (const place of document.querySelectorAll("[role=status], [role=alert]")) {
        const role = place.getAttribute("role");
        new MutationObserver(() => say(role, place.textContent)).observe(place, { childList: true });
    }
    const text = (place, name) => document.getElementById(place.getAttribute(name))?.textContent ?? "";
    document.addEventListener("focusin", ({ target }) =>
        target.hasAttribute("aria-describedby") && target.tabIndex === -1 &&
        say("focus", `${text(target, "aria-labelledby")} ${text(target, "aria-describedby")}`));
    window.came = {};  // when each file was there, or failed
    const look = () => document.querySelectorAll("#uploads [data-state]").forEach((row) => {
        came[row.querySelector(".name").textContent + " " + row.dataset.state] ??= performance.now();
    });
    new MutationObserver(look).observe(
        document.getElementById("uploads"), { attributes: true, childList: true, subtree: true });
});"""
"""A script for `add_init_script`: `heard` is [moment, role, text] of all that was said."""


def heard(page: Page) -> list[list[Any]]:
    found: list[list[Any]] = page.evaluate("heard")
    return found


def transcript(page: Page) -> list[str]:
    """All that was said, a line each; blanks that do not break are written as blanks."""
    return [f"{role}: {text}".replace("\u00a0", " ") for _, role, text in heard(page)]


def await_heard(page: Page, words: str, *, seconds: float = 60) -> list[str]:
    """The transcript, once these words have been said."""
    return eventually(
        lambda: transcript(page),
        lambda said: any(words in line for line in said),
        seconds=seconds,
        pause=while_page_works(page),
    )

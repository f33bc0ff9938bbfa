"""Debian's Chromium, driven as a person would drive it; a request to another host fails the test."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

PROGRAMS = ("chromium-headless-shell", "chromium")
"""One engine: the first has no window to draw, and a page in it takes a third of the processor time."""
CHROMIUM_ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage"
).split()
OURS = ("127.0.0.1", "localhost", "::1")
SLOWLY = 90_000  # milliseconds that a busy machine may take over something it is sure to do


class ChromiumMissing(Exception):
    """Debian's browser is not on this machine."""


def while_page_works(page: Page) -> Callable[[float], None]:
    """A pause of so many seconds, for `eventually`, in which the page and its script go on."""
    return lambda seconds: page.wait_for_timeout(1000 * seconds)


@contextmanager
def chromium(*, is_whole: bool = True) -> Iterator[Browser]:
    """Unless it has to be the whole browser, without its window, where that is on this machine."""
    programs = filter(None, map(shutil.which, PROGRAMS[is_whole:]))
    program = next(programs, None)
    if not program:
        raise ChromiumMissing("Chromium is not here (apt-get install chromium)")
    # Playwright keeps an event loop in this thread, which Django would take for a view that is async.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    expect.set_options(timeout=SLOWLY)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def person(browser: Browser, *, hostile: bool = False, **habits: object) -> Iterator[Page]:
    """A page of somebody with a browser of their own.

    A script error, a request to another host, and a CSP violation are faults; of a page that is hostile
    by itself, the last is as it should be.
    """
    context = browser.new_context(**{"locale": "sv-SE", "accept_downloads": True, **habits})  # type: ignore[arg-type]
    context.set_default_timeout(SLOWLY)
    strangers: list[str] = []
    faults: list[str] = []

    def notice(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in OURS:
            strangers.append(request.url)

    def hear(said: ConsoleMessage) -> None:
        if not hostile and "Content Security Policy" in said.text:
            faults.append(said.text)

    context.on("request", notice)
    context.on("console", hear)
    context.on("weberror", lambda fault: faults.append(str(fault.error)))
    page = context.new_page()
    try:
        yield page
    finally:
        context.close()
    assert (strangers, faults) == ([], [])

"""Machines that read mail open every link, press every button and send every form: it changes nothing."""

import json
import re
import time
from contextlib import contextmanager

import pytest
from playwright.sync_api import BrowserContext

from tests.parts import browser as chromium
from tests.parts import people
from tests.parts.house import House
from tests.parts.people import FORM, FROM_OUTSIDE, THROUGH, path_of

pytestmark = pytest.mark.timeout(600)
LEFT_BY_A_FETCH = {"fetched_at", "fetched_last_at", "fetches", "sent_until"}
BUTTONS = "button, summary, input[type=submit], input[type=button], a.button"
OF_THE_HOUSE = {"filsluss.heartbeat", "filsluss.rowlock", "filsluss.health", "filsluss.alarm"}


def rows(house: House):
    """Every row of the house but its own pulse, and but what a fetch is allowed to leave."""
    kept = []
    for row in json.loads(house.run("dumpdata", "filsluss", "sessions", "auth.user").stdout):
        about_a_fetch = (
            row["fields"].get("step") == "fetched" or row["fields"].get("kind") == "file-downloaded"
        )
        if row["model"] not in OF_THE_HOUSE and not about_a_fetch:
            fields = {name: value for name, value in row["fields"].items() if name not in LEFT_BY_A_FETCH}
            kept.append((row["model"], row["pk"], fields))
    return kept


def mailed(house: House, post):
    """One transfer of every way, with files and a code, and every address that its letters hold."""
    people.apply(house, FROM_OUTSIDE)
    people.apply(house, THROUGH)
    post.wait_for("approval-requested", count=2)
    upload = people.apply(house, FORM).location
    for name in ("ett.pdf", "två.pdf"):
        people.send_tus(house, upload, b"x" * 5000, filename=name, with_code="1")
    post.wait_for("file-ready", count=2)
    settled(house)
    found = {link for letter in post.letters for link in letter.links()}
    found |= set(re.findall(r'href="([^"]+)"', "".join(letter.html for letter in post.letters)))
    return sorted({link.partition("?")[0] for link in found if link.startswith(house.url)})


def settled(house: House):
    """Until nothing waits to be sent or made ready any more."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        waiting = [
            fields
            for model, _, fields in rows(house)
            if (model == "filsluss.letter" and fields["delivery"] == "queued")
            or (model == "filsluss.transferfile" and fields["state"] == "received")
        ]
        if not waiting:
            return
    raise AssertionError(f"still waiting: {waiting}")


@contextmanager
def opened(context: BrowserContext, link: str):
    page = context.new_page()
    page.goto(link)
    yield page
    page.close()


def press_everything(context: BrowserContext, link: str):
    """Every button that stands on the page when it is opened, whatever lies in front of it; once each."""
    with opened(context, link) as page:
        buttons = page.locator(BUTTONS).count()
    for number in range(buttons):
        with opened(context, link) as page:
            page.locator(BUTTONS).nth(number).evaluate("each => each.click()")
            page.wait_for_timeout(100)  # for a navigation to begin, if this is a button that leads anywhere
            page.wait_for_load_state()
    return buttons


def send_every_form(context: BrowserContext, link: str):
    """As it stands, without the browser's own look at it."""
    with opened(context, link) as page:
        forms = page.locator("form").count()
    for number in range(forms):
        with opened(context, link) as page, page.expect_navigation():
            page.locator("form").nth(number).evaluate("form => HTMLFormElement.prototype.submit.call(form)")
    return forms


def test_a_browser_that_presses_and_sends_everything_changes_nothing(house, post, browser):
    links = mailed(house, post)
    doors = {path_of(link).split("/")[1] for link in links}
    assert doors == {"", "code", "decide", "upload", "status", "download"}
    before, letters = rows(house), len(post.letters)
    pressed = sent = 0
    with chromium.person(browser) as page:
        for link in links:
            pressed += press_everything(page.context, link)
            sent += send_every_form(page.context, link)
    settled(house)
    assert rows(house) == before
    told = [letter.kind for letter in post.letters[letters:]]
    assert set(told) <= {"file-downloaded"}
    assert (pressed > 20, sent > 8) == (True, True)


def test_asking_fifty_times_in_every_harmless_way_changes_nothing(house, post):
    links = mailed(house, post)
    before = rows(house)
    statuses = {
        (method, house.request(method, link).status < 500)
        for link in links
        for method in ("GET", "HEAD", "OPTIONS")
        for _ in range(50)
    }
    assert statuses == {("GET", True), ("HEAD", True), ("OPTIONS", True)}
    assert rows(house) == before

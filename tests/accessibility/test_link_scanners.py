"""Mail scanners open every link, press every button and send every form: it changes nothing."""

import contextlib
import http.client
import json
import re

import pytest
from playwright.sync_api import Page

from tests.parts import browser as chromium
from tests.parts import people
from tests.parts.invariants import wait_until_idle
from tests.parts.people import FORM, FROM_OUTSIDE, THROUGH, path_of
from tests.parts.service import Service

pytestmark = pytest.mark.timeout(600)
LEFT_BY_A_FETCH = {"fetched_at", "fetched_last_at", "fetches", "spans", "partly_at", "proof", "proved_at"}
BUTTONS = "button, input[type=submit], input[type=button], a.button"
OWN_TABLES = {"filsluss.heartbeat", "filsluss.rowlock", "filsluss.health", "filsluss.alarm", "filsluss.node"}


def rows(service: Service):
    """Every row but those of the service's own operation, and but what a download is allowed to change."""
    kept = []
    found = json.loads(service.run("dumpdata", "filsluss", "sessions", "auth.user").stdout)
    receipts = {row["pk"] for row in found if row["fields"].get("kind") == "files-downloaded"}
    for row in found:
        fields = row["fields"]
        of_a_receipt = row["model"] == "filsluss.lettercase" and fields["letter"] in receipts
        about_a_fetch = fields.get("step") == "fetched" or fields.get("kind") == "files-downloaded"
        about_a_fetch = about_a_fetch or of_a_receipt
        if row["model"] not in OWN_TABLES and not about_a_fetch:
            fields = {name: value for name, value in row["fields"].items() if name not in LEFT_BY_A_FETCH}
            kept.append((row["model"], row["pk"], fields))
    return kept


def mailed(service: Service, mail_server):
    """One transfer in every direction, with files and a code, and every address in its letters."""
    people.apply(service, FROM_OUTSIDE)
    people.apply(service, THROUGH)
    mail_server.wait_for("approval-requested", count=2)
    upload = people.apply(service, FORM).location
    for name in ("ett.pdf", "två.pdf"):
        people.send_tus(service, upload, b"x" * 5000, filename=name, with_code="1")
    mail_server.wait_for("file-ready", count=2)
    wait_until_idle(service)
    found = {link for letter in mail_server.letters for link in letter.links()}
    found |= set(re.findall(r'href="([^"]+)"', "".join(letter.html for letter in mail_server.letters)))
    return sorted({link.partition("?")[0] for link in found if link.startswith(service.url)})


def press_everything(page: Page, link: str):
    """Clicks each button that the page has when it is opened, once, even if something covers it.

    Those that open a part of the page are pressed together, and lead nowhere.
    """
    page.goto(link)
    buttons = page.locator(BUTTONS).count()
    opened = page.locator("summary").evaluate_all("all => (all.forEach(each => each.click()), all.length)")
    page.wait_for_load_state("networkidle")
    assert path_of(page.url) == path_of(link)
    for number in range(buttons):
        page.goto(link)
        page.locator(BUTTONS).nth(number).evaluate("each => each.click()")
        page.wait_for_timeout(100)  # for a navigation to begin, if this is a button that leads anywhere
        page.wait_for_load_state("networkidle")
    return buttons + opened


def send_every_form(page: Page, link: str):
    """As it is, without the browser's own validation."""
    page.goto(link)
    forms = page.locator("form").count()
    for number in range(forms):
        page.goto(link)
        with page.expect_navigation():
            page.locator("form").nth(number).evaluate("form => HTMLFormElement.prototype.submit.call(form)")
    return forms


def test_a_browser_that_presses_and_sends_everything_changes_nothing(service, mail_server, browser):
    links = mailed(service, mail_server)
    prefixes = {path_of(link).split("/")[1] for link in links}
    assert prefixes == {"genuine", "code", "decide", "upload", "status", "download"}
    before, letters = rows(service), len(mail_server.letters)
    pressed = sent = 0
    with chromium.person(browser) as page:
        for link in links:
            pressed += press_everything(page, link)
            sent += send_every_form(page, link)
    wait_until_idle(service)
    assert rows(service) == before
    sent_kinds = [letter.kind for letter in mail_server.letters[letters:]]
    assert set(sent_kinds) <= {"files-downloaded"}
    assert (pressed > 20, sent > 8) == (True, True)


def test_asking_fifty_times_in_every_harmless_way_changes_nothing(service, mail_server):
    links = mailed(service, mail_server)
    before = rows(service)
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=90)) as scanner:

        def status(method, link):
            scanner.request(method, path_of(link))
            with scanner.getresponse() as answer:
                answer.read()
                return answer.status

        statuses = {
            (method, status(method, link) < 500)
            for link in links
            for method in ("GET", "HEAD", "OPTIONS")
            for _ in range(50)
        }
    assert statuses == {("GET", True), ("HEAD", True), ("OPTIONS", True)}
    assert rows(service) == before

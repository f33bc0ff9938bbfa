"""A file chosen in place of another, or taken away when it was done: the page says what the service has."""

import os
import time

import pytest
from playwright.sync_api import expect

from tests.browser.steps import button, choose, done, entries, entry, is_sent, row, summary, write_file
from tests.parts.browser import SLOWLY, while_page_works
from tests.parts.eventually import eventually
from tests.parts.people import FORM
from tests.parts.shared_service import new_recipient, start_shared_service

LATE_ANSWERS = """() => {
    const { open, send } = XMLHttpRequest.prototype;
    XMLHttpRequest.prototype.open = function (method, ...others) {
        this.isUpload = ["PATCH", "POST"].includes(method);
        return open.call(this, method, ...others);
    };
    XMLHttpRequest.prototype.send = function (body) {
        if (this.isUpload) this.onload = null;
        return send.call(this, body);
    };
}"""
"""As on a line that breaks after the last byte: the service has all of it, and the page does not know."""


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory, database_server):
    with start_shared_service(tmp_path_factory.mktemp("done"), database_server) as service:
        yield service


@pytest.fixture
def account(shared_service, page):
    """An empty upload page whose script has started."""
    form = {**FORM, "recipient_email": new_recipient()}
    page.goto(shared_service.url + shared_service.post("/", form).location)
    page.locator("#drop").wait_for()
    return page


def reference(page):
    return page.locator("aside.case [translate=no]").inner_text()


def look_again(page):
    """As when a reader comes back to the window: the list is asked for at once."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def sent(page, path):
    choose(page, path)
    is_sent(page, path.name)
    expect(done(page)).to_contain_text("Klart! Filen är på väg.")


def lost(page, path):
    """A file that is gone when its bytes are to be sent."""

    def lose(route):
        if route.request.method == "POST":
            path.unlink()
        route.continue_()

    page.route("**/files", lose)
    choose(page, path)
    expect(row(page, path.name)).to_contain_text("Fel: filen går inte att läsa.")
    page.unroute("**/files")


def large(path):
    with path.open("wb") as sparse:
        sparse.truncate((2 << 30) + 1)


INSTEAD = {
    "an empty file": ("tom.txt", lambda path: write_file(path, 0), "Tomma filer: 1."),
    "a personal number in its name": (
        "Journal 811218-9876.pdf",
        lambda path: write_file(path, 10),
        "Filer vars namn verkar innehålla ett personnummer: 1.",
    ),
    "one that is too large": ("stor.iso", large, "En fil får vara högst 2 147 483 648 byte."),
}


@pytest.mark.parametrize(("name", "make", "words"), INSTEAD.values(), ids=INSTEAD)
def test_a_file_chosen_in_the_place_of_another_is_looked_at_as_any(account, tmp_path, name, make, words):
    lost(account, write_file(tmp_path / "a.bin", 200_000))
    make(tmp_path / name)
    choose(account, tmp_path / name, button=button(account, "Välj filen igen", "a.bin"))
    expect(account.locator("#uploads")).to_contain_text(words)
    expect(account.locator("#uploads")).not_to_contain_text("går inte att läsa")
    expect(done(account)).to_have_count(0)
    assert entries(account, name) == []


def test_a_file_chosen_in_the_place_of_another_is_not_sent_twice_unasked(account, tmp_path):
    other = write_file(tmp_path / "b.bin", 1000, seed=2)
    os.utime(other, (time.time() - 60,) * 2)
    sent(account, other)
    lost(account, write_file(tmp_path / "a.bin", 200_000))
    choose(account, other, button=button(account, "Välj filen igen", "a.bin"))
    expect(account.locator("#uploads")).to_contain_text("b.bin är redan uppladdad.")
    expect(done(account)).to_have_count(0)
    assert len(entries(account, "b.bin")) == 1


def test_done_is_not_said_any_more_when_the_account_has_been_ended(account, shared_service, tmp_path):
    sent(account, write_file(tmp_path / "a.bin", 1000))
    shared_service.run("close", reference(account), "--reason", "Fel mottagare.")
    look_again(account)
    expect(account.locator("#upload-note")).to_have_text("Kontot är avslutat av systemansvarig.")
    expect(done(account)).to_have_count(0)
    expect(summary(account)).to_be_hidden()
    expect(row(account, "a.bin").locator("button, summary").filter(visible=True)).to_have_count(1)  # SHA-256


def test_nothing_is_offered_that_cannot_work_when_the_account_ends_half_way(
    account, shared_service, tmp_path
):
    account.route("**/files/*", lambda route: route.abort())  # no byte leaves
    choose(account, write_file(tmp_path / "a.bin", 200_000))
    expect(row(account, "a.bin")).to_contain_text("Ansluter igen")
    shared_service.run("close", reference(account), "--reason", "Fel mottagare.")
    look_again(account)
    expect(row(account, "a.bin")).to_contain_text("Kontot är avslutat av systemansvarig.")
    expect(button(account, "Ta bort från listan", "a.bin")).to_be_visible()
    expect(row(account, "a.bin").locator("button").filter(visible=True)).to_have_count(1)


def offered(page):
    """What can be pressed, chosen or filled in on the page, as it is called."""
    words = """elements => elements.filter((each) => each.checkVisibility())
        .map((each) => (each.innerText || each.name).replace(/\\s+/g, " ").trim())"""
    return page.locator("main :is(a, button, summary, input, select)").evaluate_all(words)


def test_nothing_is_offered_that_needs_an_open_account_once_it_has_ended(account, shared_service, tmp_path):
    a, empty = write_file(tmp_path / "a.bin", 1000), write_file(tmp_path / "tom.txt", 0)
    account.locator("#how > summary").click()
    account.get_by_label("Ett mejl om alla filer").check()
    choose(account, a)
    expect(done(account)).to_be_visible()
    choose(account, a, empty)
    expect(account.locator("#uploads")).to_contain_text("a.bin är redan uppladdad.")
    expect(account.get_by_role("button", name="Skicka mejlet nu")).to_be_visible()
    assert {"Ladda upp dem också", "Ladda upp igen a.bin", "Regeln och dina val"} <= set(offered(account))
    account.get_by_role("button", name="Ladda upp igen a.bin").focus()
    shared_service.run("close", reference(account), "--reason", "Fel mottagare.")
    look_again(account)
    expect(account.locator("#upload-note")).to_have_text("Kontot är avslutat av systemansvarig.")
    assert set(offered(account)) - {"SHA-256"} == {"Se allt som har hänt"}
    assert account.evaluate("document.activeElement.id") == "files-heading"
    expect(account.get_by_text("dagar kvar")).to_be_hidden()
    expect(account.get_by_text("Fel mottagare? Radera filerna.")).to_be_hidden()


def test_done_is_not_said_any_more_when_a_file_has_been_taken_away(account, shared_service, tmp_path):
    sent(account, write_file(tmp_path / "a.bin", 1000))
    shared_service.run("remove", entry(account, "a.bin")["public_id"], "--reason", "Fel fil.")
    look_again(account)
    expect(summary(account)).to_have_text(
        "En uppladdad fil finns inte kvar. Se nedan vad som har hänt med den."
    )
    expect(done(account)).to_have_count(0)
    expect(row(account, "a.bin")).to_contain_text("systemansvarig")


def test_of_a_file_that_had_all_arrived_when_it_was_cancelled_the_page_says_what_became_of_it(
    account, tmp_path
):
    account.evaluate(LATE_ANSWERS)
    choose(account, write_file(tmp_path / "a.bin", 1000))
    eventually(
        lambda: [found["state"] for found in entries(account, "a.bin")],
        lambda states: states == ["ready"],
        seconds=SLOWLY / 1000,
        pause=while_page_works(account),
    )
    button(account, "Avbryt", "a.bin").click()
    expect(account.locator("#files")).to_contain_text("Raderad av avsändaren.")
    expect(account.get_by_text("Filen är inte skickad.")).to_have_count(0)
    expect(done(account)).to_have_count(0)

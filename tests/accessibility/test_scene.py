"""The upload page as a scene: what is in view, in every mode of display; all at once; the code again."""

import re

import pytest
from playwright.sync_api import expect

from tests.accessibility.conftest import open_account
from tests.accessibility.test_display_modes import MOVING, UNSEEN
from tests.accessibility.test_uploading import MiB, choose, file_of
from tests.parts import browser as chromium
from tests.parts.axe import axe_violations, load_axe
from tests.parts.keyboard import Keyboard

pytestmark = pytest.mark.timeout(600)
FAST = 1000 * MiB
IN_VIEW = """each => {
    const box = each.getBoundingClientRect();
    return box.height > 0 && box.top >= 0 && box.bottom <= innerHeight && box.right <= innerWidth;
}"""
PHONE = {"viewport": {"width": 375, "height": 667}, "has_touch": True, "is_mobile": True}
WIDE = {"viewport": {"width": 1280, "height": 800}}


def is_in_view(place):
    return place.evaluate(IN_VIEW)


def violations(page):
    """What axe reports of the page as it is, and whether it must be scrolled to the side."""
    found = axe_violations(page)
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [(each["id"], node["target"]) for each in found for node in each["nodes"]] + ["wide"] * wide


@pytest.mark.parametrize("habits", [WIDE, PHONE], ids=["1280x800", "375x667"])
def test_the_first_file_and_done_are_in_view_without_scrolling(slow_proxy, browser, tmp_path, habits):
    with chromium.person(browser, **habits) as page:
        recipient = open_account(page, slow_proxy)
        assert is_in_view(page.locator("#choose"))
        choose(page, file_of(tmp_path, "Ritning plan 3.dwg", 24 * MiB))
        row = page.locator("#uploads > li")
        expect(row.get_by_text("Laddar upp", exact=True)).to_be_visible()
        for place in (row, row.locator("progress"), page.locator("#total-share"), page.locator("#total-bar")):
            assert is_in_view(place)
        assert page.evaluate("document.getElementById('terms').open") is False
        slow_proxy.rate = FAST
        panel = page.locator("#done")
        expect(panel).to_be_focused()
        assert is_in_view(panel)
        assert is_in_view(page.locator("#done-heading"))
        expect(page.locator("#upload-status")).to_be_empty()  # nothing that was so before
        reference = re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}", panel.inner_text())
        assert reference
        assert reference[0] in page.locator(".case").inner_text()
        said = panel.inner_text()
        wanted = ("Klart! Filen är på väg.", f"{recipient} får ett mejl", "Du kan stänga sidan.")
        assert [words for words in wanted if words not in said] == []
        again = panel.get_by_role("link", name="Skicka mer till samma mottagare").get_attribute("href")
        case = panel.get_by_role("link", name="Se ärendet").get_attribute("href")
        assert again == f"{case}/again"
        with page.expect_file_chooser():
            panel.get_by_role("button", name="Lägg till fler filer").click()


def test_going_and_done_are_accessible_in_every_mode_of_display(slow_proxy, browser, tmp_path):
    """At 400 % of 1280 × 800 pixels a page has 320 × 200."""
    with chromium.person(browser, viewport={"width": 320, "height": 200}) as page:
        load_axe(page)
        open_account(page, slow_proxy)
        choose(page, [file_of(tmp_path, f"{n} ritning plan.pdf", 60 * MiB) for n in range(3)])
        expect(page.get_by_text("Laddar upp", exact=True)).to_have_count(2)
        page.locator("#pause-all").click()
        expect(page.locator("#continue-all")).to_be_focused()
        for stage in ("going", "done"):
            assert page.locator(f"[data-stage={stage}]").count() == 1
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # no colour half-way
                assert (stage, scheme, violations(page)) == (stage, scheme, [])
            page.emulate_media(forced_colors="active")
            assert page.evaluate(UNSEEN) == []
            page.emulate_media(forced_colors="none", reduced_motion="reduce")
            assert page.evaluate(MOVING) == []
            page.emulate_media(reduced_motion="no-preference")
            if stage == "going":
                slow_proxy.rate = FAST
                slow_proxy.forget_debt()
                page.locator("#continue-all").click()
                page.locator("#done:not([hidden])").wait_for()
        gates = (
            "[...document.querySelectorAll('.gate')].map(each => getComputedStyle(each).animationDuration)"
        )
        assert page.evaluate(gates) == ["0.3s"] * 4


def test_all_are_paused_continued_and_cancelled_by_keyboard(account, tmp_path):
    files = [file_of(tmp_path, f"{n}.bin", 60 * MiB) for n in range(3)]
    choose(account, files)
    states = account.locator("#uploads .state")
    expect(account.get_by_text("Laddar upp", exact=True)).to_have_count(2)
    keys = Keyboard(account)
    keys.press(account.locator("#pause-all"))
    expect(states).to_have_text([re.compile("Pausad")] * 3)
    expect(account.locator("#upload-summary")).to_contain_text("0 av 3 filer är uppladdade · pausat")
    account.keyboard.press("Enter")  # the focus went to what takes the button's place
    expect(account.locator("#uploads [data-state=uploading]")).to_have_count(2)
    expect(account.locator("#pause-all")).to_be_focused()
    keys.press(account.get_by_text("Avbryt alla", exact=True))
    keys.press(account.locator("#cancel-all"))
    expect(states).to_have_text(["Avbruten. Filen är inte skickad."] * 3)
    expect(account.locator("#files-heading")).to_be_focused()
    expect(account.locator("#total")).to_be_hidden()


def test_the_code_is_shown_again_and_the_row_says_when_the_file_was_fetched(
    slow_proxy, account, browser, tmp_path
):
    slow_proxy.rate = FAST
    account.locator("#how > summary").click()
    account.get_by_label("Mottagaren kan också använda en hämtkod").check()
    expect(account.locator("#how-words")).to_have_text("Länk eller hämtkod, i ett mejl för varje fil")
    choose(account, file_of(tmp_path, "ritning.pdf", 1000))
    row = account.locator("#files > li")
    expect(row).to_contain_text("inte nedladdad än")
    row.get_by_role("button", name="Visa koden ritning.pdf").click()
    shown = row.locator("#shown-code")
    expect(shown).to_be_focused()
    code = shown.locator(".code").inner_text().replace("\n", "")
    assert re.fullmatch(r"([2-9A-Z]{4}-){2}[2-9A-Z]{4}", code)
    expect(shown.get_by_role("img", name="QR-kod")).to_be_visible()
    shown.get_by_role("button", name="Dölj koden").click()
    expect(row.get_by_role("button", name="Visa koden ritning.pdf")).to_be_focused()
    with chromium.person(browser) as recipient:
        recipient.goto(f"{slow_proxy.url}/code#{code}")
        expect(recipient.locator("#code")).to_have_value(code)
        assert recipient.url == f"{slow_proxy.url}/code"
        recipient.get_by_role("button", name="Fortsätt").click()
        with recipient.expect_download() as begun:
            recipient.get_by_role("link", name="Ladda ner ritning.pdf").click()
        assert begun.value.path().stat().st_size == 1000
    expect(row.locator(".fetched")).to_have_text(re.compile(r"nedladdad \d\d\.\d\d"))

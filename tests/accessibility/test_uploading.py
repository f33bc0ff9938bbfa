"""The upload page during an upload: live regions, title, confirmation on leaving, wake lock."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.parts.browser import while_page_works
from tests.parts.eventually import eventually
from tests.parts.golden import is_kept
from tests.parts.people import FORM
from tests.parts.slow_proxy import SlowProxy, start_slow_service

pytestmark = pytest.mark.timeout(600)
GOLDEN = Path(__file__).parent / "golden"
SLOWLY = 60_000
MiB = 1 << 20
HEARD = """() => {
    window.heard = [];
    for (const place of document.querySelectorAll("[role=status], [role=alert]")) {
        const role = place.getAttribute("role");
        new MutationObserver(() => place.textContent && heard.push([role, place.textContent]))
            .observe(place, { childList: true });
    }
}"""
# What a phone's browser would do; here there is no screen to keep on.
AWAKE = """() => {
    window.locks = [];
    navigator.wakeLock.request = async (kind) => {
        locks.push(`${kind} on`);
        return { release: async () => locks.push(`${kind} off`) };
    };
}"""


@pytest.fixture
def slow_proxy(make_service) -> Iterator[SlowProxy]:
    with start_slow_service(make_service, 2 * MiB) as slow_proxy:
        yield slow_proxy


@pytest.fixture
def account(slow_proxy, page) -> Page:
    """An empty upload page whose script has started."""
    page.add_init_script(f"addEventListener('DOMContentLoaded', {HEARD}); ({AWAKE})()")
    applied = slow_proxy.service.post("/", FORM, Host=slow_proxy.url.partition("://")[2])
    page.goto(slow_proxy.url + applied.location)
    page.locator("#drop").wait_for(timeout=SLOWLY)
    return page


def file_of(tmp_path, name, size):
    path = tmp_path / name
    with path.open("wb") as file:
        file.truncate(size)
    return path


def choose(page, paths, button="#choose"):
    with page.expect_file_chooser(timeout=SLOWLY) as opened:
        page.locator(button).click()
    opened.value.set_files(paths)


def hear(page, wanted):
    """All that was said, once that which is waited for has been."""
    return eventually(
        lambda: page.evaluate("heard"),
        lambda heard: any(wanted(role, text) for role, text in heard),
        seconds=SLOWLY / 1000,
        pause=while_page_works(page),
    )


def steady(tree):
    """The tree without what differs from one moment to the next: figures, dates, the case number."""
    tree = re.sub(r"[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}", "ID", tree)
    tree = re.sub(r"127\\.0\\.0\\.1:\d+|127\.0\.0\.1:\d+", "HOST", tree)
    tree = re.sub(r"/(upload|status)/[\w-]{43}", r"/\1/TOKEN", tree)
    tree = re.sub(r"\d+ \w+ 20\d\d", "DATE", tree)
    tree = re.sub(r"(beräknar tid …|[\d,]+ [kM]B/s · (mindre än|ungefär) .+ kvar)", "SPEED", tree)
    tree = re.sub(r"\d+[\s\u00a0]% · [^\n]*? av", "SHARE av", tree)
    return re.sub(r"· \d+[\s\u00a0]%", "· SHARE", tree)


def test_the_accessibility_tree_during_an_upload(account, tmp_path):
    choose(
        account,
        [file_of(tmp_path, "Ritning plan 2.pdf", 40 * MiB), file_of(tmp_path, "Bilder.zip", 30 * MiB)],
    )
    expect(account.get_by_text("Laddar upp")).to_have_count(2, timeout=SLOWLY)
    expect(account.locator("#upload-summary")).to_contain_text("0 av 2 filer", timeout=SLOWLY)
    tree = steady(account.locator("body").aria_snapshot())
    is_kept(GOLDEN / "uploading.yaml", tree + "\n")


def test_that_there_are_no_files_is_not_said_of_a_page_that_uploads_one(account, tmp_path):
    again = []
    account.on("request", lambda request: again.append(request.url) if "rows=" in request.url else None)
    choose(account, file_of(tmp_path, "film.mov", 40 * MiB))
    expect(account.get_by_text("Laddar upp", exact=True)).to_be_visible(timeout=SLOWLY)
    account.wait_for_timeout(1000)
    expect(account.locator("#no-files")).to_be_hidden()
    assert again == []


def test_the_title_shows_progress_and_leaving_is_confirmed_only_during_an_upload(
    slow_proxy, account, tmp_path
):
    title = account.title()
    asked = []
    account.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    choose(account, file_of(tmp_path, "film.mov", 12 * MiB))
    expect(account).to_have_title(re.compile(r"^\(\d+\u00a0%\) " + re.escape(title)), timeout=SLOWLY)
    expect(account.get_by_text("Laddar upp", exact=True)).to_be_visible(timeout=SLOWLY)
    account.close(run_before_unload=True)
    account.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    slow_proxy.rate = 1000 * MiB
    expect(account.get_by_text("Klart! Filen är uppladdad.")).to_be_visible(timeout=SLOWLY)
    expect(account).to_have_title(title, timeout=SLOWLY)
    assert account.evaluate("locks") == ["screen on", "screen off"]
    account.reload()
    assert asked == ["beforeunload"]


def test_progress_is_told_politely_and_never_every_second(slow_proxy, account, tmp_path):
    choose(account, file_of(tmp_path, "film.mov", 3 * MiB))
    expect(account.get_by_text("Klart! Filen är uppladdad.")).to_be_visible(timeout=SLOWLY)
    heard = hear(account, lambda role, text: text.startswith("Klart!"))
    assert {role for role, _ in heard} == {"status"}
    assert heard[0] == ["status", "En fil vald"]
    assert len(heard) <= 4
    assert account.locator("[role=status]").count() == account.locator("[role=alert]").count() == 1


def test_what_fails_is_an_alert(account, tmp_path):
    choose(account, file_of(tmp_path, "stor.bin", 2048 * MiB + 1))
    (alert,) = [text for role, text in hear(account, lambda role, text: role == "alert") if role == "alert"]
    said = "stor.bin: Filen är 2 147 483 649 byte. En fil får vara högst 2 147 483 648 byte."
    assert alert.replace("\u00a0", " ") == said
    expect(account.locator("#uploads .state")).to_have_text(alert.removeprefix("stor.bin: "))


def test_a_folder_is_chosen_with_all_that_is_in_it(slow_proxy, account, tmp_path):
    slow_proxy.rate = 1000 * MiB
    folder = tmp_path / "Ritningar"
    (folder / "plan 2").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "plan 2/c.txt"):
        (folder / name).write_text(name)
    choose(account, folder, "#choose-folder")
    expect(account.get_by_text("Klart! Alla 3 filer är uppladdade.")).to_be_visible(timeout=SLOWLY)
    names = account.locator("#files .name, #uploads .name").all_inner_texts()
    assert sorted(names) == ["Ritningar/a.txt", "Ritningar/b.txt", "Ritningar/plan 2/c.txt"]


def test_after_a_row_goes_the_focus_stays_near(account, tmp_path):
    choose(account, [file_of(tmp_path, "en.bin", 30 * MiB), file_of(tmp_path, "två.bin", 30 * MiB)])
    expect(account.get_by_text("Laddar upp", exact=True)).to_have_count(2, timeout=SLOWLY)
    for name in ("en.bin", "två.bin"):
        row = account.locator("#uploads > li", has_text=name)
        row.get_by_role("button", name="Avbryt").press("Enter")
        gone = row.get_by_role("button", name="Ta bort från listan")
        expect(gone).to_be_focused(timeout=SLOWLY)
        gone.press("Enter")
        focused = account.evaluate("document.activeElement.textContent.trim()")
        assert focused == ("Pausa två.bin" if name == "en.bin" else "Filer")

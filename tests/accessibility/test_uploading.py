"""The upload page during an upload: live regions, title, confirmation on leaving, wake lock."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.parts.golden import is_kept
from tests.parts.heard import await_heard, heard, transcript

pytestmark = pytest.mark.timeout(600)
GOLDEN = Path(__file__).parent / "golden"
MiB = 1 << 20


def file_of(tmp_path, name, size):
    path = tmp_path / name
    with path.open("wb") as file:
        file.truncate(size)
    return path


def choose(page, paths, button="#choose"):
    with page.expect_file_chooser() as opened:
        page.locator(button).click()
    opened.value.set_files(paths)


def steady(tree):
    """The tree without what differs from one moment to the next: figures, dates, the case number."""
    tree = re.sub(r"[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}", "ID", tree)
    tree = re.sub(r"127\\.0\\.0\\.1:\d+|127\.0\.0\.1:\d+", "HOST", tree)
    tree = re.sub(r"/(upload|status)/[\w-]{43}", r"/\1/TOKEN", tree)
    tree = re.sub(r"\d+ \w+ 20\d\d", "DATE", tree)
    tree = re.sub(r"(beräknar tid …|[\d,]+ [kM]B/s · (mindre än|ungefär) .+ kvar)", "SPEED", tree)
    tree = re.sub(r"bo-\d+@", "bo@", tree)
    tree = re.sub(r"[\d,]+\s([kM]B|byte) av", "SHARE av", tree)
    return re.sub(r" · [\d,]+\s[kM]B/s", "", tree)


def test_the_accessibility_tree_during_an_upload(account, tmp_path):
    choose(
        account,
        [file_of(tmp_path, "Ritning plan 2.pdf", 40 * MiB), file_of(tmp_path, "Bilder.zip", 30 * MiB)],
    )
    expect(account.get_by_text("Laddar upp")).to_have_count(2)
    expect(account.locator("#upload-summary")).to_contain_text("0 av 2 filer")
    tree = steady(account.locator("body").aria_snapshot())
    is_kept(GOLDEN / "uploading.yaml", tree + "\n")


def test_rows_of_the_server_are_not_asked_for_while_the_page_has_its_own(account, tmp_path):
    again = []
    account.on("request", lambda request: again.append(request.url) if "rows=" in request.url else None)
    choose(account, file_of(tmp_path, "film.mov", 40 * MiB))
    expect(account.get_by_text("Laddar upp", exact=True)).to_be_visible()
    account.wait_for_timeout(1000)
    assert again == []


def test_the_title_shows_progress_and_leaving_is_confirmed_only_during_an_upload(
    slow_proxy, account, tmp_path
):
    title = account.title()
    asked = []
    account.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    choose(account, file_of(tmp_path, "film.mov", 12 * MiB))
    expect(account).to_have_title(re.compile(r"^\(\d+\u00a0%\) " + re.escape(title)))
    expect(account.get_by_text("Laddar upp", exact=True)).to_be_visible()
    account.close(run_before_unload=True)
    account.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    slow_proxy.rate = 1000 * MiB
    expect(account.get_by_text("Klart! Filen är på väg.")).to_be_visible()
    expect(account).to_have_title(title)
    assert account.evaluate("locks") == ["screen on", "screen off"]
    account.reload()
    assert asked == ["beforeunload"]


def kept(name, lines):
    """Compares what was heard with what is kept of it."""
    is_kept(GOLDEN / f"{name}.txt", "\n".join(lines) + "\n")


def without_figures(lines):
    return [re.sub(r"bo-\d+@", "bo@", re.sub(r"\d+ \w+ 20\d\d", "DATE", line)) for line in lines]


def test_of_one_file_the_start_every_quarter_and_done_are_heard(account, tmp_path):
    choose(account, file_of(tmp_path, "film.mov", 32 * MiB))
    kept("heard-one", without_figures(await_heard(account, "Klart!")))
    at = next(moment for moment, _, text in heard(account) if "Klart!" in text)
    assert abs(at - account.evaluate("came['film.mov received']")) < 1000
    expect(account.locator("#files .name")).to_have_text("film.mov")
    account.wait_for_timeout(1500)
    assert len([line for line in transcript(account) if "Klart!" in line]) == 1


def test_of_several_files_the_shares_of_all_and_what_fails_are_heard(slow_proxy, account, tmp_path):
    """What fails is an alert at once; "done" is not said."""
    choose(
        account,
        [
            file_of(tmp_path, "en.bin", 16 * MiB),
            file_of(tmp_path, "två.bin", 16 * MiB),
            file_of(tmp_path, "stor.bin", 2048 * MiB + 1),
        ],
    )
    kept("heard-several", await_heard(account, "1 misslyckades"))
    at = next(moment for moment, role, _ in heard(account) if role == "alert")
    assert abs(at - account.evaluate("came['stor.bin failed']")) < 1000
    assert account.locator("[role=status]").count() == account.locator("[role=alert]").count() == 1


def test_of_what_is_quick_only_the_start_and_done_are_heard(slow_proxy, account, tmp_path):
    slow_proxy.rate = 1000 * MiB
    choose(account, file_of(tmp_path, "film.mov", 3 * MiB))
    assert [line.split()[0:2] for line in await_heard(account, "Klart!")] == [
        ["status:", "En"],
        ["focus:", "Klart!"],
    ]


def test_a_folder_is_chosen_with_all_that_is_in_it(slow_proxy, account, tmp_path):
    slow_proxy.rate = 1000 * MiB
    folder = tmp_path / "Ritningar"
    (folder / "plan 2").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "plan 2/c.txt"):
        (folder / name).write_text(name)
    choose(account, folder, "#choose-folder")
    expect(account.get_by_text("Klart! 3 filer är på väg.")).to_be_visible()
    names = account.locator("#files .name, #uploads .name").all_inner_texts()
    assert sorted(names) == ["Ritningar/a.txt", "Ritningar/b.txt", "Ritningar/plan 2/c.txt"]


def test_after_a_row_goes_the_focus_stays_near(account, tmp_path):
    choose(account, [file_of(tmp_path, "en.bin", 30 * MiB), file_of(tmp_path, "två.bin", 30 * MiB)])
    expect(account.get_by_text("Laddar upp", exact=True)).to_have_count(2)
    for name in ("en.bin", "två.bin"):
        row = account.locator("#uploads > li", has_text=name)
        row.get_by_role("button", name="Avbryt").press("Enter")
        gone = row.get_by_role("button", name="Ta bort från listan")
        expect(gone).to_be_focused()
        gone.press("Enter")
        focused = account.evaluate("document.activeElement.textContent.trim()")
        assert focused == ("Pausa två.bin" if name == "en.bin" else "Filer")

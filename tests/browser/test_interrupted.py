"""An upload that stops half-way goes on from there: paused, cut, left and come back to, or called off."""

import os
import re

import pytest
from playwright.sync_api import expect

from tests.browser.steps import (
    MiB,
    await_stored,
    button,
    choose,
    download,
    entry,
    is_sent,
    offsets_sent,
    open_account,
    row,
    sha256,
    write_file,
)
from tests.parts.people import BO

FAST = 1000 * MiB  # bytes a second


@pytest.mark.timeout(300)
def test_300_megabytes_are_paused_cut_and_resumed_and_bo_gets_them_once(
    slow_proxy, mail_server, page, another, tmp_path
):
    file = write_file(tmp_path / "inspelning.mov", 300_000_000)
    slow_proxy.rate = 30 * MiB
    open_account(page, slow_proxy.url)
    sent = offsets_sent(page)
    choose(page, file)
    await_stored(page, file.name, 20 * MiB)

    button(page, "Pausa", file.name).click()
    here = row(page, file.name)
    expect(here).to_contain_text(re.compile(r"Pausad\. [1-9]\d?\s% är sparat\."))
    paused_at = entry(page, file.name)["offset"]
    assert 20 * MiB <= paused_at < file.stat().st_size
    button(page, "Fortsätt", file.name).click()
    await_stored(page, file.name, paused_at + 20 * MiB)
    assert paused_at in sent

    slow_proxy.service.stop()
    expect(here).to_contain_text("Ansluter igen, försök")
    slow_proxy.rate = FAST
    cut = len(sent)
    slow_proxy.service.start()
    # It goes on by itself, whatever pause it is in; nobody presses anything.
    is_sent(page, file.name)
    assert sent[cut] >= paused_at + 20 * MiB
    assert entry(page, file.name)["sha256"] == sha256(file)

    letter = mail_server.one("file-ready", to=BO)
    (link,) = letter.links("download")
    bo = another()
    bo.goto(link)
    assert sha256(download(bo, file.name)) == sha256(file)
    slow_proxy.service.stop()
    assert len(mail_server.of("file-ready")) == 1


def test_a_person_need_not_wait_for_the_next_try(slow_proxy, page, tmp_path):
    file = write_file(tmp_path / "a.bin", 24 * MiB)
    open_account(page, slow_proxy.url)
    choose(page, file)
    await_stored(page, "a.bin", MiB)
    slow_proxy.service.kill()
    expect(row(page, "a.bin")).to_contain_text("Ansluter igen, försök 2")
    # From the third try on the page waits longer than any machine takes to start the service.
    page.evaluate(
        """() => {
            window.wait = setTimeout;
            window.setTimeout = (act, after) => wait(act, after < 1000 ? after : 600_000);
        }"""
    )
    expect(row(page, "a.bin")).to_contain_text("Ansluter igen, försök 3")
    page.evaluate("() => { window.setTimeout = wait; }")  # the list of files, too, is asked for after a pause
    slow_proxy.rate = FAST
    slow_proxy.service.start()
    button(page, "Försök nu", "a.bin").click()
    is_sent(page, "a.bin")
    assert entry(page, "a.bin")["sha256"] == sha256(file)


def test_after_a_reload_the_file_is_chosen_again_and_goes_on_where_it_was(
    slow_proxy, mail_server, page, tmp_path
):
    file = write_file(tmp_path / "a.bin", 36 * MiB)
    open_account(page, slow_proxy.url)
    choose(page, file)
    await_stored(page, "a.bin", 2 * MiB)
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.reload()
    assert asked == ["beforeunload"]

    expect(row(page, "a.bin")).to_contain_text("Ofullständig. Välj samma fil igen för att fortsätta.")
    stored = entry(page, "a.bin")["offset"]
    assert 2 * MiB <= stored < 36 * MiB
    sent = offsets_sent(page)
    slow_proxy.rate = FAST
    choose(page, file, button=button(page, "Välj filen igen", "a.bin"))
    is_sent(page, "a.bin")
    assert stored <= sent[0] < 36 * MiB  # what was on its way when the page went may have come in since
    assert entry(page, "a.bin")["sha256"] == sha256(file)
    mail_server.one("file-ready", to=BO)


@pytest.mark.parametrize("likeness", ["another size", "name, size and date"])
def test_another_file_is_not_appended_to_what_was_saved(slow_proxy, page, tmp_path, likeness):
    file = write_file(tmp_path / "a.bin", 36 * MiB)
    open_account(page, slow_proxy.url)
    choose(page, file)
    await_stored(page, "a.bin", 2 * MiB)
    button(page, "Pausa", "a.bin").click()
    expect(row(page, "a.bin")).to_contain_text("är sparat")
    page.reload()
    stored = entry(page, "a.bin")["offset"]

    (tmp_path / "other").mkdir()
    size = 36 * MiB if likeness == "name, size and date" else 35 * MiB
    other = write_file(tmp_path / "other" / "a.bin", size, seed=2)
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    choose(page, other, button=button(page, "Välj filen igen", "a.bin"))
    expect(page.get_by_text("Det här är inte samma fil.", exact=True)).to_be_visible()
    assert entry(page, "a.bin")["offset"] == stored

    slow_proxy.rate = FAST
    choose(page, file, button=page.get_by_role("button", name="Välj en annan a.bin"))
    is_sent(page, "a.bin")
    assert entry(page, "a.bin")["sha256"] == sha256(file)


def test_a_cancelled_file_is_not_sent_and_leaves_the_others_alone(slow_proxy, mail_server, page, tmp_path):
    dropped = write_file(tmp_path / "fel.bin", 36 * MiB, seed=1)
    kept = write_file(tmp_path / "rätt.bin", 2 * MiB, seed=2)
    open_account(page, slow_proxy.url)
    choose(page, dropped)
    await_stored(page, "fel.bin", MiB)
    button(page, "Avbryt", "fel.bin").click()
    expect(row(page, "fel.bin")).to_contain_text("Avbruten. Filen är inte skickad.")
    choose(page, kept)
    is_sent(page, "rätt.bin")
    assert entry(page, "fel.bin")["state"] in ("erasing", "erased")
    button(page, "Ta bort från listan", "fel.bin").click()
    expect(button(page, "Ta bort från listan", "fel.bin")).to_have_count(0)
    assert "rätt.bin" in mail_server.one("file-ready", to=BO).text


def test_what_had_no_room_is_tried_again_when_there_is(make_service, mail_server, page, tmp_path):
    service = make_service(FREE_SPACE="99%").start()
    file = write_file(tmp_path / "a.bin", MiB)
    open_account(page, service.url)
    choose(page, file)
    expect(row(page, "a.bin")).to_contain_text("Det finns inte plats för fler filer i tjänsten just nu.")
    service.stop()
    service.env["FILSLUSS_FREE_SPACE"] = "0%"
    service.start()
    button(page, "Försök igen", "a.bin").click()
    is_sent(page, "a.bin")
    mail_server.one("file-ready", to=BO, seconds=90)

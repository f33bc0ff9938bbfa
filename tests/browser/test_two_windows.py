"""The upload page in two windows of one browser, and in two browsers."""

import time

from playwright.sync_api import expect

from tests.browser.steps import (
    MiB,
    await_stored,
    button,
    choose,
    entries,
    entry,
    is_sent,
    offsets_sent,
    open_account,
    row,
    sha256,
    write_file,
)

FAST = 1000 * MiB


def second(page):
    """Another window of the same browser with the same page."""
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator("#drop")).to_be_visible()
    return other


def asked(page):
    return page.locator("#uploads").get_by_text("a.bin laddas upp i ett annat fönster.")


def test_a_file_that_another_window_has_just_sent_is_known(service, page, tmp_path):
    file = write_file(tmp_path / "a.bin", 1000)
    open_account(page, service.url)
    other = second(page)
    choose(page, file)
    expect(page.get_by_text("Klart! Filen är på väg.")).to_be_visible()
    choose(other, file)
    expect(other.locator("#uploads").get_by_text("a.bin är redan uppladdad.")).to_be_visible()
    assert len(entries(page, "a.bin")) == 1


def waiting_in_two(slow_proxy, page, tmp_path):
    """Another window, which has been given a file that waits for its turn in the first."""
    big = [write_file(tmp_path / f"{number}.bin", 8 * MiB, seed=number) for number in (1, 2)]
    file = write_file(tmp_path / "a.bin", 1000)
    open_account(page, slow_proxy.url)
    slow_proxy.rate = MiB
    other = second(page)
    choose(page, *big, file)
    await_stored(page, "1.bin", 1)
    choose(other, file)
    expect(asked(other)).to_be_visible()
    return other


def test_a_file_that_waits_in_another_window_is_known(slow_proxy, page, tmp_path):
    other = waiting_in_two(slow_proxy, page, tmp_path)
    slow_proxy.rate = FAST
    is_sent(page, "a.bin")
    expect(other.locator("#uploads").get_by_text("a.bin är redan uppladdad.")).to_be_visible()
    assert len(entries(page, "a.bin")) == 1


def test_a_window_that_was_silent_for_a_while_is_heard_again(slow_proxy, page, tmp_path):
    other = waiting_in_two(slow_proxy, page, tmp_path)
    page.once("dialog", lambda dialog: (other.wait_for_timeout(9000), dialog.accept()))
    page.evaluate("() => { setTimeout(alert, 0); }")  # until it is answered the page's script stands still
    left = other.locator("#uploads").get_by_text("a.bin laddas inte längre upp i det andra fönstret.")
    expect(left).to_be_visible()
    expect(asked(other)).to_be_visible()
    slow_proxy.rate = FAST
    is_sent(page, "a.bin")
    expect(other.locator("#uploads").get_by_text("a.bin är redan uppladdad.")).to_be_visible()
    assert len(entries(page, "a.bin")) == 1


def started_in_two(slow_proxy, page, tmp_path):
    file = write_file(tmp_path / "a.bin", 24 * MiB)
    open_account(page, slow_proxy.url)
    slow_proxy.rate = 2 * MiB
    other = second(page)
    choose(page, file)
    await_stored(page, "a.bin", 2 * MiB)
    choose(other, file)
    expect(asked(other)).to_be_visible()
    return file, other


def test_nobody_is_asked_to_choose_again_what_another_window_is_sending(slow_proxy, page, tmp_path):
    open_account(page, slow_proxy.url)
    slow_proxy.rate = MiB
    choose(page, write_file(tmp_path / "a.bin", 24 * MiB))
    await_stored(page, "a.bin", MiB)
    other = second(page)
    again = other.get_by_role("button", name="Välj filen igen a.bin")
    expect(other.locator("#upload-note")).to_have_text("Uppladdning pågår i ett annat fönster.")
    expect(row(other, "a.bin").locator(".state")).to_have_text("Laddar upp")
    expect(again).to_be_hidden()
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()  # which lets go of the file
    expect(other.locator("#upload-note")).to_be_empty()
    expect(row(other, "a.bin")).to_contain_text("Ofullständig. Välj samma fil igen för att fortsätta.")
    expect(again).to_be_visible()


def test_what_another_window_cancels_can_be_sent_here(slow_proxy, page, tmp_path):
    file, other = started_in_two(slow_proxy, page, tmp_path)
    button(page, "Avbryt", "a.bin").click()
    slow_proxy.rate = FAST
    button(other, "Fortsätt här", "a.bin").click()
    is_sent(other, "a.bin")
    (whole,) = [found for found in entries(page, "a.bin") if found["state"] == "ready"]
    assert whole["sha256"] == sha256(file)


def test_what_a_reloaded_window_has_left_goes_on_here(slow_proxy, page, tmp_path):
    _, other = started_in_two(slow_proxy, page, tmp_path)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    sent = offsets_sent(other)
    slow_proxy.rate = FAST
    button(other, "Fortsätt här", "a.bin").click()
    is_sent(other, "a.bin")
    assert sent[0] >= 2 * MiB
    entry(other, "a.bin")


def test_a_window_that_says_nothing_more_is_noticed_within_seconds(slow_proxy, page, tmp_path):
    """As when it is killed: then no event tells of it."""
    _, other = started_in_two(slow_proxy, page, tmp_path)
    page.evaluate("BroadcastChannel.prototype.postMessage = () => {}")
    button(page, "Pausa", "a.bin").click()
    begun = time.monotonic()
    expect(button(other, "Fortsätt här", "a.bin")).to_be_visible()
    assert time.monotonic() - begun < 60
    slow_proxy.rate = FAST
    button(other, "Fortsätt här", "a.bin").click()
    is_sent(other, "a.bin")
    entry(other, "a.bin")


def test_two_browsers_with_one_file_send_it_once(slow_proxy, mail_server, page, another, tmp_path):
    file = write_file(tmp_path / "a.bin", 16 * MiB)
    open_account(page, slow_proxy.url)
    slow_proxy.rate = 2 * MiB
    other = another()
    other.goto(page.url)
    choose(page, file)
    await_stored(page, "a.bin", 2 * MiB)
    choose(other, file)
    expect(row(other, "a.bin")).to_contain_text("Fortsätter från")
    slow_proxy.rate = FAST
    is_sent(other, "a.bin")
    is_sent(page, "a.bin")
    assert entry(page, "a.bin")["sha256"] == sha256(file)
    assert len(mail_server.of("file-ready")) == 1

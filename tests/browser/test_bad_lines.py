"""Slow lines, and proxies that gather, refuse or give up: uploads get through and end."""

from playwright.sync_api import expect

from tests.browser.steps import (
    MiB,
    await_stored,
    button,
    choose,
    done,
    entry,
    is_sent,
    leave,
    offsets_sent,
    open_account,
    row,
    sha256,
    shorten_silence,
    write_file,
)

FAST = 1000 * MiB


def test_a_proxy_that_gathers_and_gives_up_gets_smaller_pieces(gathering_proxy, page, tmp_path):
    """32 MiB take four times as long as it waits; what fits goes through, and then more is tried again."""
    file = write_file(tmp_path / "a.bin", 33 * MiB)
    open_account(page, gathering_proxy.url)
    gathering_proxy.rate, gathering_proxy.patience = 6 * MiB, 1.5
    choose(page, file)
    await_stored(page, "a.bin", MiB)
    assert gathering_proxy.bodies[-1] <= 9 * MiB
    gathering_proxy.rate, gathering_proxy.patience = FAST, 60
    is_sent(page, "a.bin")
    assert entry(page, "a.bin")["sha256"] == sha256(file)


def test_a_proxy_with_a_limit_of_one_mebibyte_costs_no_pauses(gathering_proxy, page, tmp_path):
    file = write_file(tmp_path / "a.bin", 20_000_000)
    gathering_proxy.body_limit = MiB
    open_account(page, gathering_proxy.url)
    expect(page.locator("#drop")).to_be_visible()
    said = []
    page.expose_function("said", lambda text: said.append(text))
    page.evaluate(
        "new MutationObserver(() => said(document.querySelector('#uploads').textContent))"
        ".observe(document.querySelector('#uploads'), {subtree: true, childList: true, characterData: true})"
    )
    choose(page, file)
    is_sent(page, "a.bin")
    assert entry(page, "a.bin")["sha256"] == sha256(file)
    assert [text for text in said if "Ansluter igen" in text] == []
    refused = [size for size in gathering_proxy.bodies if size > MiB]
    assert len(refused) <= 5
    assert refused == sorted(set(refused), reverse=True)


def test_a_small_file_gets_through_a_proxy_with_a_limit(gathering_proxy, page, tmp_path):
    file = write_file(tmp_path / "a.bin", 5_000_000)
    smaller = write_file(tmp_path / "b.bin", 60_000)  # its bytes would go with its creation
    gathering_proxy.body_limit = MiB // 4
    open_account(page, gathering_proxy.url)
    choose(page, file)
    is_sent(page, "a.bin")
    assert entry(page, "a.bin")["sha256"] == sha256(file)
    gathering_proxy.body_limit = 50_000
    choose(page, smaller)
    await_stored(page, "b.bin", 60_000)
    expect(done(page)).to_contain_text("Klart!")


def test_what_lies_in_the_buffers_of_a_slow_line_is_not_sent_twice(slow_proxy, page, tmp_path):
    """The browser says nothing more once its kernel has the rest; here a silence of two seconds is long."""
    file = write_file(tmp_path / "a.bin", 5 * MiB)
    shorten_silence(page, 2000)
    open_account(page, slow_proxy.url)
    sent = offsets_sent(page)
    slow_proxy.rate = 400 * 1024
    choose(page, file)
    is_sent(page, "a.bin")
    assert sent == [0, 4 * MiB]


def test_a_line_that_is_dead_is_given_up_and_taken_again(slow_proxy, page, tmp_path):
    file = write_file(tmp_path / "a.bin", 16 * MiB)
    shorten_silence(page, 2000)
    open_account(page, slow_proxy.url)
    choose(page, file)
    await_stored(page, "a.bin", MiB)
    slow_proxy.rate = 1
    expect(row(page, "a.bin")).to_contain_text("Ansluter igen")
    slow_proxy.rate = FAST
    slow_proxy.forget_debt()
    is_sent(page, "a.bin")
    assert entry(page, "a.bin")["sha256"] == sha256(file)


def test_the_page_is_guarded_while_anything_is_open_or_asked(slow_proxy, page, tmp_path):
    file = write_file(tmp_path / "a.bin", 12 * MiB)
    open_account(page, slow_proxy.url)
    expect(page.locator("#drop")).to_be_visible()
    assert not leave(page)
    page.go_back()
    slow_proxy.rate = 2 * MiB
    choose(page, file)
    await_stored(page, "a.bin", MiB)
    assert leave(page)
    button(page, "Pausa", "a.bin").click()
    expect(row(page, "a.bin")).to_contain_text("Pausad.")
    assert leave(page)
    page.context.set_offline(True)
    button(page, "Fortsätt", "a.bin").click()
    expect(row(page, "a.bin")).to_contain_text("Ingen anslutning.")
    assert leave(page)
    page.context.set_offline(False)
    slow_proxy.service.stop()
    expect(row(page, "a.bin")).to_contain_text("Ansluter igen")
    assert leave(page)
    slow_proxy.rate = FAST
    slow_proxy.service.start()
    is_sent(page, "a.bin")
    choose(page, file)
    expect(row(page, "a.bin").get_by_text("är redan uppladdad")).to_be_visible()
    assert leave(page)
    button(page, "Nej", "a.bin").click()
    assert not leave(page)


def test_the_page_is_guarded_between_small_files(service, page, tmp_path):
    files = [write_file(tmp_path / f"{number}.bin", 1000, seed=number) for number in range(20)]
    open_account(page, service.url)
    expect(page.locator("#drop")).to_be_visible()
    page.evaluate(
        """window.guards = [];
        setInterval(() => guards.push([document.title[0] === "(", Boolean(onbeforeunload)]), 5)"""
    )
    choose(page, *files)
    expect(page.get_by_text("Klart! 20 filer är på väg.")).to_be_visible()
    guards = page.evaluate("guards")
    assert [True, True] in guards
    assert [True, False] not in guards
    assert guards[-1] == [False, False]

"""Several files at once, dropped or chosen; a file that cannot be sent is refused before its first byte."""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from tests.browser.steps import (
    MiB,
    allow_code,
    button,
    choose,
    drop,
    entries,
    entry,
    is_sent,
    open_account,
    row,
    write_file,
)
from tests.parts.people import BO


def test_many_files_go_two_at_a_time_and_each_has_its_letter(slow_proxy, mail_server, page, tmp_path):
    files = [write_file(tmp_path / f"{number}.bin", 6 * MiB, seed=number) for number in range(1, 6)]
    slow_proxy.rate = MiB
    open_account(page, slow_proxy.url)
    choose(page, *files)
    waiting = page.get_by_role("listitem").get_by_text("Väntar på sin tur", exact=True)
    moving = page.get_by_role("listitem").get_by_text("Laddar upp", exact=True)
    expect(waiting).to_have_count(3)
    expect(moving).to_have_count(2)
    expect(page.get_by_text("av 5 filer är uppladdade")).to_be_visible()
    slow_proxy.rate = 1000 * MiB
    for file in files:
        is_sent(page, file.name)
    expect(page.get_by_text("Klart! 5 filer är på väg.")).to_be_visible()
    letters = mail_server.wait_for("file-ready", to=BO, count=5)
    assert sorted(name for letter in letters for name in names_in(letter)) == [f.name for f in files]


def names_in(letter):
    return [f"{number}.bin" for number in range(1, 6) if f"{number}.bin" in letter.text]


def test_files_dropped_on_the_page_are_uploaded_also_empty_ones_if_that_is_meant(service, mail_server, page):
    open_account(page, service.url)
    expect(page.get_by_text("Dra hit filer eller")).to_be_visible()
    drop(page, [("anteckning.txt", "hej"), ("tom.txt", "")])
    is_sent(page, "anteckning.txt")
    page.get_by_role("button", name="Ladda upp dem också").click()
    is_sent(page, "tom.txt")
    assert [entry(page, name)["size"] for name in ("anteckning.txt", "tom.txt")] == [3, 0]
    mail_server.wait_for("file-ready", to=BO, count=2)


def test_a_file_of_one_byte_too_many_is_refused_before_anything_is_sent(service, page, tmp_path):
    file = tmp_path / "stor.iso"
    with file.open("wb") as sparse:
        sparse.truncate(2_147_483_649)
    open_account(page, service.url)
    asked = []
    page.on("request", lambda request: asked.append(request.method))
    choose(page, file)
    expect(row(page, "stor.iso")).to_contain_text(
        "Filen är 2 147 483 649 byte. En fil får vara högst 2 147 483 648 byte."
    )
    assert set(asked) <= {"GET"}
    assert entries(page, "stor.iso") == []


def test_a_page_that_is_open_when_the_account_ends_says_so(service, page, tmp_path):
    file = write_file(tmp_path / "sen.bin", 1000)
    open_account(page, service.url)
    expect(page.locator("#drop")).to_be_visible()
    service.stop()
    service.start(at=datetime.now(UTC) + timedelta(days=60))
    choose(page, file)
    expect(page.locator("#upload-note")).to_have_text("Kontot är avslutat")
    expect(page.locator("#drop")).to_be_hidden()
    expect(row(page, "sen.bin")).to_have_count(0)


def test_the_same_file_is_sent_twice_only_when_that_is_meant(service, mail_server, page, tmp_path):
    file = write_file(tmp_path / "a.bin", 1000)
    open_account(page, service.url)
    choose(page, file)
    is_sent(page, "a.bin")
    choose(page, file)
    words = "a.bin är redan uppladdad. Vill du ladda upp den igen?"
    question = page.get_by_role("listitem").get_by_text(words)
    expect(question).to_be_visible()
    page.get_by_role("button", name="Nej a.bin").click()
    expect(question).to_have_count(0)
    choose(page, file)
    page.get_by_role("button", name="Ladda upp igen a.bin").click()
    mail_server.wait_for("file-ready", to=BO, count=2)
    assert len(entries(page, "a.bin")) == 2


def test_with_a_code_or_without_is_chosen_for_each_file(service, mail_server, page, tmp_path):
    with_code, without = write_file(tmp_path / "med.bin", 10), write_file(tmp_path / "utan.bin", 10)
    open_account(page, service.url)
    choose(page, without)
    is_sent(page, "utan.bin")
    allow_code(page)
    choose(page, with_code)
    is_sent(page, "med.bin")
    letters = mail_server.wait_for("file-ready", to=BO, count=2)
    assert ["kod" in letter.text for letter in letters] == [False, True]
    expect(row(page, "med.bin")).to_contain_text("Visa koden")


def test_the_sender_takes_a_file_back_on_the_page(service, mail_server, page, another, tmp_path):
    file = write_file(tmp_path / "fel.pdf", 1000)
    open_account(page, service.url)
    choose(page, file)
    is_sent(page, "fel.pdf")
    (link,) = mail_server.one("file-ready", to=BO).links("download")
    row(page, "fel.pdf").locator("summary", has_text="Radera").click()
    row(page, "fel.pdf").get_by_label("Ja, radera fel.pdf").check()
    row(page, "fel.pdf").get_by_role("button", name="Radera filen").click()
    expect(row(page, "fel.pdf")).to_contain_text("Raderad av avsändaren.")
    bo = another()
    bo.goto(link)
    expect(bo.get_by_role("heading", name="Filen finns inte längre")).to_be_visible()
    expect(button(page, "Radera filen", "fel.pdf")).to_have_count(0)

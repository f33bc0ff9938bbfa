"""What the page says and when: to the eye, to a screen reader, and of what it leaves out."""

import pytest
from playwright.sync_api import expect

from tests.browser.steps import (
    MiB,
    await_stored,
    button,
    choose,
    choose_folder,
    done,
    drag,
    entries,
    entry,
    is_sent,
    open_account,
    row,
    summary,
    write_file,
)

FAST = 1000 * MiB
HEARD = """
    window.heard = [];
    for (const id of ["upload-status", "upload-alert"]) {
        const region = document.getElementById(id);
        new MutationObserver(() => region.textContent && heard.push([performance.now(), region.textContent]))
            .observe(region, {childList: true, characterData: true, subtree: true});
    }
"""


def listen(page):
    expect(page.locator("#drop")).to_be_visible()
    page.evaluate(HEARD)


def heard(page):
    return [text for _, text in page.evaluate("heard")]


def test_what_is_done_stays_in_sight_when_something_else_is_heard(service, page, tmp_path):
    open_account(page, service.url)
    file = write_file(tmp_path / "a.bin", 1000)
    choose(page, file)
    is_sent(page, "a.bin")
    choose(page, file)
    page.get_by_role("button", name="Ladda upp igen a.bin").click()
    words = page.get_by_text("Klart! Filen är på väg.")
    expect(words).to_be_visible()
    drag(page, [("b.txt", "hej")])
    expect(page.locator("#upload-status")).to_have_text("Du kan släppa filerna här")
    expect(words).to_be_visible()


def test_pause_is_heard_once_with_the_true_figure(slow_proxy, page, tmp_path):
    file = write_file(tmp_path / "a.bin", 16 * MiB)
    open_account(page, slow_proxy.url)
    listen(page)
    choose(page, file)
    await_stored(page, "a.bin", 4 * MiB)
    button(page, "Pausa", "a.bin").click()
    expect(row(page, "a.bin")).to_contain_text("är sparat")
    page.wait_for_timeout(500)
    (said,) = [text for text in heard(page) if "är sparat" in text]
    percent = int(said.split("Pausad. ")[1].split("\u00a0")[0])
    assert percent == entry(page, "a.bin")["offset"] * 100 // (16 * MiB) >= 25


def test_after_a_reload_the_list_says_how_much_is_saved(slow_proxy, page, tmp_path):
    file = write_file(tmp_path / "a.bin", 16 * MiB)
    open_account(page, slow_proxy.url)
    choose(page, file)
    await_stored(page, "a.bin", 6 * MiB)
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(row(page, "a.bin")).to_contain_text("Ofullständig.")
    page.wait_for_timeout(1000)
    page.reload()
    percent = entry(page, "a.bin")["offset"] * 100 // (16 * MiB)
    assert percent >= 30
    expect(row(page, "a.bin")).to_contain_text(f"{percent} % är sparat")


def test_what_systems_leave_behind_is_left_out_and_said(service, mail_server, page, tmp_path):
    folder = tmp_path / "mapp"
    folder.mkdir()
    write_file(folder / "a.bin", 1000)
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "~$brev.docx"):
        write_file(folder / name, 100)
    open_account(page, service.url)
    choose_folder(page, folder)
    is_sent(page, "mapp/a.bin")
    expect(done(page)).to_contain_text("Klart!")
    line = page.locator("#uploads").get_by_text("Utelämnade")
    expect(line).to_contain_text("(4)")
    assert len(mail_server.of("file-ready")) == 1
    page.get_by_role("button", name="Ladda upp dem också").click()
    is_sent(page, "mapp/.DS_Store")
    expect(line).to_have_count(0)
    mail_server.wait_for("file-ready", count=5)


def test_of_empty_files_it_is_asked_once(service, mail_server, page, tmp_path):
    files = [write_file(tmp_path / "a.bin", 1000), *(write_file(tmp_path / f"{n}.txt", 0) for n in range(3))]
    open_account(page, service.url)
    choose(page, *files)
    is_sent(page, "a.bin")
    question = page.locator("#uploads").get_by_text("Tomma filer: 3. Vill du ladda upp dem ändå?")
    expect(question).to_be_visible()
    expect(done(page)).to_have_count(0)
    assert entries(page, "0.txt") == []
    page.get_by_role("button", name="Ladda upp dem också").click()
    for file in files:
        is_sent(page, file.name)
    expect(question).to_have_count(0)
    expect(done(page)).to_contain_text("Klart!")


def test_of_a_name_with_a_personal_number_it_is_asked_once(service, page, tmp_path):
    named = [write_file(tmp_path / f"Journal {n}.pdf", 100) for n in ("811218-9876", "19811218-9876")]
    open_account(page, service.url)
    choose(page, write_file(tmp_path / "a 251125 1231.bin", 1000), *named)
    is_sent(page, "a 251125 1231.bin")
    question = page.locator("#uploads").get_by_text("Filer vars namn verkar innehålla ett personnummer: 2.")
    expect(question).to_be_visible()
    expect(done(page)).to_have_count(0)
    assert entries(page, named[0].name) == []
    page.get_by_role("button", name="Ladda upp dem också").click()
    for file in named:
        is_sent(page, file.name)
    expect(done(page)).to_contain_text("Klart!")
    expect(row(page, named[0].name)).to_contain_text("Filens namn verkar innehålla ett personnummer.")


def drop_entries(page, entries):
    """Drops entries written in JavaScript: `folder(name, children)`, `file(name)`, `broken(name)`."""
    page.evaluate(
        """() => {
            const of = (name, more) => ({name, fullPath: `/${name}`, ...more});
            const file = name => of(name, {isFile: true, file: done => done(new File(["hej"], name))});
            const broken = name => of(name, {isFile: true, file: (_, fail) => fail(new DOMException("no"))});
            const folder = (name, children) => of(name, {isDirectory: true,
                createReader: () => ({readEntries: done => done(children.splice(0))})});
            const entries = ENTRIES;
            const carried = new DataTransfer();
            for (const {name} of entries) carried.items.add(new File(["hej"], name));
            DataTransferItem.prototype.webkitGetAsEntry = () => entries.shift();
            document.getElementById("drop").dispatchEvent(
                new DragEvent("drop", {dataTransfer: carried, bubbles: true, cancelable: true}));
        }""".replace("ENTRIES", entries)
    )


def test_an_empty_folder_is_said(service, page):
    open_account(page, service.url)
    expect(page.locator("#drop")).to_be_visible()
    drop_entries(page, "[folder('tom', [folder('inuti', [])])]")
    expect(page.locator("#upload-note")).to_have_text(
        "Mappen är tom. Det finns ingenting i den att ladda upp."
    )


def test_a_dropped_file_whose_entry_cannot_be_read_is_taken_from_the_event(service, page):
    """As WebKit does of some files."""
    open_account(page, service.url)
    expect(page.locator("#drop")).to_be_visible()
    drop_entries(page, "[broken('a.txt')]")
    is_sent(page, "a.txt")
    expect(page.locator("#upload-note")).to_be_empty()


def test_done_is_not_said_when_a_file_of_a_folder_could_not_be_read(service, page):
    open_account(page, service.url)
    expect(page.locator("#drop")).to_be_visible()
    drop_entries(page, "[folder('mapp', [broken('b.txt'), file('a.txt')])]")
    is_sent(page, "a.txt")
    expect(page.locator("#upload-note")).to_have_text(
        "En fil gick inte att läsa. Välj den med knappen i stället."
    )
    expect(summary(page)).to_contain_text("Filen är uppladdad, men inte allt som valdes.")


@pytest.mark.parametrize("before", ["Välj en mapp", "Välj filen igen a.bin"])
def test_the_simple_upload_takes_several_files_whatever_was_chosen_before(service, page, tmp_path, before):
    open_account(page, service.url)
    page.evaluate(
        """fetch(location.pathname + "/files", {method: "POST", headers: {"Tus-Resumable": "1.0.0",
        "Upload-Length": 10, "Upload-Metadata": "filename " + btoa("a.bin")}})"""
    )
    page.reload()
    with page.expect_file_chooser():
        page.get_by_role("button", name=before, exact=True).click()
    page.get_by_role("link", name="Använd den enkla uppladdningen.").click()
    field = page.locator("#file")
    assert field.evaluate("field => [field.multiple, field.webkitdirectory]") == [True, False]


def test_a_window_that_is_translated_goes_on(slow_proxy, page, tmp_path):
    """Translators wrap words into elements of their own, except where they are told not to."""
    file = write_file(tmp_path / "rapport final.bin", 8 * MiB)
    open_account(page, slow_proxy.url)
    expect(page.locator("#drop")).to_be_visible()
    page.evaluate(
        """() => {
            const translate = () => {
                const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
                for (let node; (node = walker.nextNode()); ) {
                    const parent = node.parentElement;
                    if (!node.data.trim() || parent.closest("[translate=no], template, font")) continue;
                    const font = document.createElement("font");
                    font.textContent = node.data.toUpperCase();
                    node.replaceWith(font);
                    walker.currentNode = font.firstChild;
                }
            };
            setInterval(translate, 50);
        }"""
    )
    page.locator("#file").set_input_files(file)
    name = page.get_by_role("heading", name="rapport final.bin", exact=True)
    expect(name).to_be_visible()
    slow_proxy.rate = FAST
    sent = page.locator("#uploads, #files").get_by_text("KLAR. MEJLET TILL MOTTAGAREN SKICKADES")
    expect(sent).to_be_visible()
    expect(name).to_be_visible()
    checksum = page.locator("code.checksum")
    assert checksum.text_content() == entry(page, "rapport final.bin")["sha256"]

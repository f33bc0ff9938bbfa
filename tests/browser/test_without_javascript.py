"""Everything works in a browser without JavaScript, and the simple upload can be chosen in one with it."""

import pytest
from playwright.sync_api import expect

from tests.browser.steps import (
    MiB,
    allow_code,
    apply,
    apply_from_outside,
    download,
    is_sent,
    row,
    sha256,
    write_file,
)
from tests.parts.eventually import eventually
from tests.parts.people import ANNA, BO


@pytest.fixture
def plain(another):
    """A browser with JavaScript turned off."""
    return another(java_script_enabled=False)


def send(page, *files):
    """Uploads by the form, and waits for the page that follows: to reload before that would cut it off."""
    page.get_by_label("Välj filer").set_input_files(list(files))
    with page.expect_navigation():
        page.get_by_role("button", name="Ladda upp", exact=True).click()


def until_sent(page, name):
    """Without script a person reloads the page."""
    eventually(
        lambda: (page.reload(), row(page, name).inner_text())[1],
        lambda text: "Klar. Mejlet till mottagaren skickades" in text,
        interval=0.2,
    )
    is_sent(page, name)


def test_apply_decide_upload_fetch_and_remove_without_script(service, mail_server, plain, another, tmp_path):
    files = [write_file(tmp_path / "ritning åäö.pdf", 3 * MiB), write_file(tmp_path / "tom.txt", 0)]
    apply_from_outside(plain, service.url)
    expect(plain.get_by_role("heading", name="Din ansökan är skickad")).to_be_visible()

    anna = another(java_script_enabled=False)
    (decide,) = mail_server.one("approval-requested", to=ANNA).links("decide")
    anna.goto(decide)
    anna.get_by_label("Hur många dagar").select_option("7")
    anna.get_by_role("button", name="Godkänn ansökan").click()
    expect(anna.get_by_role("heading", name="Ansökan är godkänd")).to_be_visible()

    (upload,) = mail_server.one("approved", to=BO).links("upload")
    plain.goto(upload)
    allow_code(plain)
    send(plain, *files)
    assert plain.url == upload
    for file in files:
        until_sent(plain, file.name)
        expect(row(plain, file.name)).to_contain_text("Visa koden")

    letters = mail_server.wait_for("file-ready", to=ANNA, count=2)
    (link,) = letters[0].links("download")
    anna.goto(link)
    for file in files:
        assert sha256(download(anna, file.name)) == sha256(file)

    row(plain, "tom.txt").locator("summary", has_text="Radera").click()
    row(plain, "tom.txt").get_by_label("Ja, radera tom.txt").check()
    row(plain, "tom.txt").get_by_role("button", name="Radera filen").click()
    expect(row(plain, "tom.txt")).to_contain_text("Raderad av avsändaren.")
    mail_server.wait_for("file-removed", count=2)


def test_a_form_without_a_file_says_so(service, plain):
    apply(plain, service.url)
    plain.get_by_role("button", name="Ladda upp", exact=True).click()
    expect(plain.get_by_role("link", name="Ingen fil är vald")).to_be_visible()


def test_the_simple_upload_may_be_chosen_where_script_runs(service, mail_server, page, tmp_path):
    file = write_file(tmp_path / "a.pdf", MiB)
    apply(page, service.url)
    page.get_by_role("link", name="Använd den enkla uppladdningen.").click()
    page.get_by_label("Välj filer").set_input_files(file)
    assert page.get_by_label("Välj filer").evaluate("field => field.files.length") == 1  # nobody took it
    send(page, file)
    expect(row(page, "a.pdf")).to_be_visible()
    is_sent(page, "a.pdf")
    mail_server.one("file-ready", to=BO)


@pytest.mark.parametrize("script", [False, True], ids=["without script", "with script"])
def test_the_language_switch_keeps_what_was_typed_and_enter_still_sends_the_form(service, another, script):
    page = another(java_script_enabled=script)
    page.goto(f"{service.url}/?lang=sv")
    page.get_by_label("Ditt namn").fill("Anna Berg")
    page.get_by_label("Anledning").fill("Ritningar")
    page.get_by_role("button", name="In English").click()
    expect(page.get_by_label("Your name")).to_have_value("Anna Berg")
    expect(page.get_by_label("Reason", exact=True)).to_have_value("Ritningar")
    expect(page.locator("#summary")).to_have_count(0)
    page.get_by_label("Your name").press("Enter")
    expect(page.locator("#summary")).to_contain_text("Enter your email address")
    expect(page.get_by_label("Reason", exact=True)).to_have_value("Ritningar")

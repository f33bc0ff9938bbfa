"""The three directions, each by clicking and typing what a person would."""

import re

from playwright.sync_api import expect

from tests.browser.steps import (
    MiB,
    allow_code,
    apply,
    apply_from_outside,
    apply_through,
    choose,
    download,
    is_sent,
    sha256,
    write_file,
)
from tests.parts.people import ANNA, BO, EVA, KARIN

CODE = r"\b[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}\b"


def opens(page, letter, prefix):
    (link,) = letter.links(prefix)
    page.goto(link)


def test_outbound_the_upload_page_opens_at_once_and_bo_gets_every_byte(
    service, mail_server, page, another, tmp_path
):
    file = write_file(tmp_path / "ritning åäö.pdf", 5 * MiB + 17)
    apply(page, service.url)
    expect(page.get_by_role("heading", name="Filer till", level=1)).to_be_visible()
    assert page.url == mail_server.one("approved", to=ANNA).links("upload")[0]

    choose(page, file)
    is_sent(page, file.name)
    expect(page.get_by_text("Klart! Filen är på väg.")).to_be_visible()

    letter = mail_server.one("file-ready", to=BO)
    bo = another()
    opens(bo, letter, "download")
    expect(bo.get_by_text(f"Från Anna Berg ({ANNA})")).to_be_visible()
    assert sha256(download(bo, file.name)) == sha256(file)


def test_from_elsewhere_the_upload_page_opens_from_the_mailbox_only(
    make_service, mail_server, page, tmp_path
):
    service = make_service(INSIDE_NETWORKS="10.0.0.0/8").start()
    file = write_file(tmp_path / "a.pdf", 1000)
    apply(page, service.url)
    expect(page.get_by_role("heading", name="Titta i din e-post")).to_be_visible()
    assert "/upload/" not in page.url + page.content()
    opens(page, mail_server.one("approved", to=ANNA), "upload")
    choose(page, file)
    is_sent(page, "a.pdf")
    mail_server.one("file-ready", to=BO)


def test_inbound_anna_chooses_days_and_gets_the_file(service, mail_server, page, another, tmp_path):
    file = write_file(tmp_path / "offert.pdf", 3 * MiB)
    apply_from_outside(page, service.url)
    expect(page.get_by_role("heading", name="Din ansökan är skickad")).to_be_visible()

    anna = another()
    opens(anna, mail_server.one("approval-requested", to=ANNA), "decide")
    approve = anna.get_by_role("button", name="Godkänn ansökan")
    approve.click()  # no day is chosen for her
    days = anna.get_by_label("Hur många dagar ska avsändaren ha tillgång till tjänsten?")
    expect(anna.get_by_role("link", name=re.compile("Välj hur många dagar"))).to_be_visible()
    days.select_option("3")
    approve.click()
    expect(anna.get_by_role("heading", name="Ansökan är godkänd")).to_be_visible()

    opens(page, mail_server.one("approved", to=BO), "upload")
    choose(page, file)
    is_sent(page, "offert.pdf")
    opens(anna, mail_server.one("file-ready", to=ANNA), "download")
    assert sha256(download(anna, "offert.pdf")) == sha256(file)


def test_inbound_anna_says_no_and_bo_reads_why(service, mail_server, page, another):
    apply_from_outside(page, service.url)
    anna = another()
    opens(anna, mail_server.one("approval-requested", to=ANNA), "decide")
    anna.locator("summary", has_text="Avslå").click()
    anna.get_by_label("Varför avslår du ansökan?").fill("Vi har redan ritningarna.")
    anna.get_by_role("button", name="Avslå ansökan").click()
    expect(anna.get_by_role("heading", name="Ansökan är avslagen")).to_be_visible()
    assert "Vi har redan ritningarna." in mail_server.one("rejected", to=BO).text
    page.reload()
    expect(page.get_by_role("heading", name="Ansökan är avslagen")).to_be_visible()


def test_through_karin_answers_for_it_and_eva_gets_the_file(service, mail_server, page, another, tmp_path):
    file = write_file(tmp_path / "modell.step", 2 * MiB)
    page.goto(service.url)
    expect(page.get_by_label("Godkännarens e-postadress")).to_be_hidden()
    apply_through(page, service.url)
    expect(page.get_by_role("heading", name="Din ansökan är skickad")).to_be_visible()

    karin = another()
    opens(karin, mail_server.one("approval-requested", to=KARIN), "decide")
    karin.get_by_label("Hur många dagar").select_option("1")
    karin.get_by_role("button", name="Godkänn ansökan").click()
    opens(page, mail_server.one("approved", to=BO), "upload")
    choose(page, file)
    is_sent(page, "modell.step")
    eva = another()
    opens(eva, mail_server.one("file-ready", to=EVA), "download")
    assert sha256(download(eva, "modell.step")) == sha256(file)


def test_a_code_in_the_letter_opens_the_file_without_the_link(service, mail_server, page, another, tmp_path):
    file = write_file(tmp_path / "bild.tif", MiB)
    apply(page, service.url)
    allow_code(page)
    choose(page, file)
    is_sent(page, "bild.tif")
    letter = mail_server.one("file-ready", to=BO)
    (code,) = re.findall(CODE, letter.text)

    bo = another()
    bo.goto(service.url)
    bo.get_by_role("link", name="Hämta en fil med kod").click()
    field = bo.get_by_label("Hämtkod")
    field.fill("AAAA-BBBB-CCCC")
    bo.get_by_role("button", name="Fortsätt").click()
    expect(bo.get_by_role("link", name=re.compile("Vi hittar ingen fil med den koden"))).to_be_visible()
    field.fill(code.lower().replace("-", " "))
    bo.get_by_role("button", name="Fortsätt").click()
    assert sha256(download(bo, "bild.tif")) == sha256(file)

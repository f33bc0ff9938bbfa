"""From inside to outside: approved at once, and the recipient gets a letter for every file."""

import hashlib
import re

from tests.parts.people import (
    ANNA,
    BO,
    FORM,
    KARIN,
    apply,
    download_links,
    fetch,
    path_of,
    send_form,
    send_tus,
)


def test_anna_on_our_network_uploads_at_once_and_bo_fetches_by_link(service, mail_server):
    answer = apply(service, FORM)
    assert re.fullmatch(r"/upload/[A-Za-z0-9_-]{43}", answer.location)
    confirmation = mail_server.one("approved", to=ANNA)
    assert [path_of(link) for link in confirmation.links("upload")] == [answer.location]

    data = b"ritning" * 1000
    assert send_form(service, answer.location, {"ritning åäö.pdf": data}, with_code="0").status == 303
    letter = mail_server.one("file-ready", to=BO)
    assert hashlib.sha256(data).hexdigest() in letter.text
    assert "ritning åäö.pdf" in letter.text
    assert ANNA in letter.text

    got = fetch(service, letter)
    assert (got.status, got.body) == (200, data)
    assert got.headers["Content-Disposition"] == (
        "attachment; filename=\"ritning aao.pdf\"; filename*=UTF-8''ritning%20%C3%A5%C3%A4%C3%B6.pdf"
    )


def test_from_elsewhere_the_link_goes_only_to_the_mailbox(make_service, mail_server):
    service = make_service(INSIDE_NETWORKS="10.0.0.0/8").start()
    answer = apply(service, FORM)
    assert "/upload/" not in answer.headers["Location"]
    page = service.get(answer.headers["Location"])
    assert (page.status, "/upload/" in page.text) == (200, False)
    (link,) = mail_server.one("approved", to=ANNA).links("upload")
    assert service.get(path_of(link)).status == 200


def test_a_file_with_a_code_is_fetched_without_the_link(service, mail_server):
    upload = apply(service, FORM).location
    assert send_tus(service, upload, b"hemligt", filename="a.txt", with_code="1").status == 204
    letter = mail_server.one("file-ready", to=BO)
    (code,) = re.findall(r"\b[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}\b", letter.text)

    typed = code.lower().replace("-", " ")
    answer = service.post("/code", {"code": typed})
    assert answer.status == 303
    page = service.get(answer.location)
    assert "a.txt" in page.text
    (address,) = set(re.findall(r'href="(/download/[A-Za-z0-9_-]{43}/[^"?]+)"', page.text))
    assert service.get(address).body == b"hemligt"


def test_a_code_opens_its_own_file_and_no_other(service, mail_server):
    upload = apply(service, FORM).location
    send_tus(service, upload, b"en", filename="en.txt", with_code="1")
    send_tus(service, upload, b"annan", filename="annan.txt")
    letters = mail_server.wait_for("file-ready", to=BO, count=2)
    (own,) = [letter for letter in letters if "en.txt" in letter.text and "annan.txt" not in letter.text]
    (code,) = re.findall(r"\b[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}\b", own.text)
    page = service.get(service.post("/code", {"code": code}).location)
    assert ("en.txt" in page.text, "annan.txt" in page.text) == (True, False)


def test_the_link_shows_every_file_the_letters_own_first(service, mail_server):
    upload = apply(service, FORM).location
    send_tus(service, upload, b"en", filename="en.txt")
    first = mail_server.one("file-ready", to=BO)
    send_tus(service, upload, b"annan", filename="annan.txt")
    second = mail_server.wait_for("file-ready", to=BO, count=2)[1]
    names = [link.rpartition("/")[2] for link in download_links(service, second)]
    assert names == ["annan.txt", "en.txt"]
    assert [link.rpartition("/")[2] for link in download_links(service, first)] == ["en.txt", "annan.txt"]


def test_inside_to_inside_goes_as_outbound(service, mail_server):
    answer = apply(service, FORM, recipient_email=KARIN)
    assert answer.location.startswith("/upload/")
    assert mail_server.one("approved").to == [ANNA]


def test_every_file_is_told_of_in_a_letter_of_its_own(service, mail_server):
    upload = apply(service, FORM).location
    files = {f"{number}.bin": bytes([number]) * 100 for number in range(3)}
    assert send_form(service, upload, files, with_code="1").status == 303
    letters = mail_server.wait_for("file-ready", to=BO, count=3)
    codes = {re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}", letter.text)[0] for letter in letters}
    assert len(codes) == 3

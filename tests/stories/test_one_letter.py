"""One letter about many files, chosen on every way in, and sent when its sender says so."""

import pytest

from tests.parts.people import BO, FORM, announce, apply, download_links, send_form, send_tus
from tests.parts.storage import rows


def choose_by_tus(service, upload, content, name):
    assert send_tus(service, upload, content, filename=name, one_letter="1").status == 204


def choose_by_put(service, upload, content, name):
    answer = service.request("PUT", f"{upload}/{name}?one_letter=1", content)
    assert answer.status == 201


def choose_by_form(service, upload, content, name):
    assert send_form(service, upload, {name: content}, one_letter="1").status == 303


@pytest.mark.parametrize("choose", [choose_by_tus, choose_by_put, choose_by_form])
def test_the_recipient_gets_one_letter_with_one_link_to_all_files_when_the_sender_sends_it(
    service, mail_server, choose
):
    upload = apply(service, FORM).location
    for number in range(3):
        choose(service, upload, b"%d" % number * 100, f"{number}.bin")
    service.run_worker()
    assert mail_server.of("file-ready") == mail_server.of("files-ready") == []
    assert "Mottagaren får ett mejl om alla filer" in service.get(upload).text
    answer = service.post(f"{upload}/send-now")
    assert (answer.status, answer.location) == (303, upload)
    letter = mail_server.one("files-ready", to=BO)
    assert [f"{number}.bin" in letter.text for number in range(3)] == [True] * 3
    assert len(letter.links("download")) == 1
    assert sorted(link.rpartition("/")[2] for link in download_links(service, letter)) == [
        f"{number}.bin" for number in range(3)
    ]
    assert service.post(f"{upload}/send-now").status == 303
    service.run_worker()
    assert len(mail_server.of("files-ready")) == 1


def test_the_last_upload_that_names_a_choice_sets_it(service):
    upload = apply(service, FORM).location
    for chosen in ("0", "1", "0", "1"):
        assert announce(service, upload, 5, one_letter=chosen).status == 201
        assert rows(service, "SELECT one_letter FROM filsluss_transfer") == [(int(chosen),)]
        assert send_tus(service, upload, b"bytes", receipts="none" if chosen == "1" else "each").status == 204
    assert rows(service, "SELECT one_letter, receipts FROM filsluss_transfer") == [(True, "none")]


@pytest.mark.parametrize("query", ["one_letter=maybe", "receipts=all"])
def test_another_word_for_a_choice_is_refused_and_nothing_is_kept(service, query):
    upload = apply(service, FORM).location
    answer = service.request("PUT", f"{upload}/a.bin?{query}", b"x")
    assert (answer.status, b"metadata_invalid" in answer.body) == (400, True)
    name, _, value = query.partition("=")
    assert send_form(service, upload, {"a.bin": b"x"}, **{name: value}).status == 400
    assert "a.bin" not in service.get(upload).text


def test_of_a_box_that_is_ticked_the_form_sends_two_values_and_the_last_counts(service):
    upload = apply(service, FORM).location
    boundary = "b0undary"
    parts = [("one_letter", "0"), ("one_letter", "1")]
    fields = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts
    )
    body = (
        f'{fields}--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\nx\r\n'
        f"--{boundary}--\r\n"
    ).encode()
    kind = f"multipart/form-data; boundary={boundary}"
    assert service.request("POST", upload, body, {"Content-Type": kind}).status == 303
    page = service.get(upload).text
    assert 'id="one_letter" name="one_letter" type="checkbox" value="1"' in page
    assert "checked" in page[page.index('id="one_letter"') :][:150]


def test_nobody_is_sent_anything_by_a_link_that_is_not_an_upload_link(service):
    assert service.post("/upload/" + "x" * 43 + "/send-now").status == 404

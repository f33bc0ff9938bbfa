"""The demo's mailbox is there for whoever sits at the machine of a demo, and for nobody else."""

import os

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection

from filsluss.rules.networks import Client
from tests.pages.cases import FORM, INSIDE


@pytest.fixture
def mailbox(settings, tmp_path):
    settings.DEMO, settings.MAIL_DIR = True, tmp_path
    connection = get_connection("django.core.mail.backends.filebased.EmailBackend", file_path=str(tmp_path))
    text = "Hej!\n\nhttp://localhost:8000/upload/AAA.\nhttp://evil.example/x\n<b>"
    letters = []
    for subject in ("Första åäö", "Andra"):
        letter = EmailMultiAlternatives(subject, text, "fts@ltdalarna.se", ["anna@ltdalarna.se"])
        letter.attach_alternative("<p>Hej <script>alert(1)</script></p>", "text/html")
        letters.append(letter)
    connection.send_messages(letters)
    return tmp_path


def names(page):
    return [a["href"] for a in page.all("a") if (a["href"] or "").startswith("/demo/mail/")]


def test_every_letter_is_there_to_be_read(inside, read, mailbox):
    page = read(inside.get("/demo/mail"))
    assert ("Första åäö" in page.text, "Andra" in page.text, len(names(page))) == (True, True, 2)
    letter = read(inside.get(names(page)[0]))
    assert [a["href"] for a in letter.all("a") if "upload" in (a["href"] or "")] == [
        "http://localhost:8000/upload/AAA"
    ]
    assert "http://evil.example/x" in letter.text
    assert 'href="http://evil.example' not in letter.source
    assert letter.all("iframe")[0]["sandbox"] == "allow-popups allow-popups-to-escape-sandbox"


def test_a_letters_html_can_do_nothing(inside, read, mailbox):
    address = names(read(inside.get("/demo/mail")))[0] + "/html"
    answer = inside.get(address)
    assert "<script>" in answer.content.decode()
    assert answer["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; "
        "sandbox allow-popups allow-popups-to-escape-sandbox; frame-ancestors 'self'"
    )


@pytest.mark.parametrize(
    "who",
    [Client("192.0.2.7", may_be_inside=True), Client("127.0.0.1", may_be_inside=False), Client(None, False)],
)
def test_nobody_elsewhere_sees_a_letter(client, read, mailbox, who):
    address = names(read(client.get("/demo/mail", **{"filsluss.client": INSIDE})))[0]
    for each in ("/demo/mail", address, f"{address}/html"):
        assert client.get(each, **{"filsluss.client": who}).status_code == 404


def test_outside_the_demo_there_is_no_mailbox(inside, settings, mailbox):
    settings.DEMO = False
    assert inside.get("/demo/mail").status_code == 404


@pytest.mark.parametrize("name", ["x", "..", "%2e%2e", "secret_key-0", "20261124-100000-1-0"])
def test_no_name_leads_out_of_the_mailbox(inside, mailbox, name):
    assert inside.get(f"/demo/mail/{name}").status_code == 404


def test_a_newcomer_may_try_what_it_is_like_outside(inside, read, settings):
    settings.DEMO = True
    assert read(inside.get("/?as=outside")).field("as")["value"] == "outside"
    assert inside.post("/", {**FORM, "as": "outside"})["Location"] == "/sent?lang=sv"
    assert inside.post("/", FORM)["Location"].startswith("/upload/")


def test_outside_the_demo_nobody_chooses_their_network(inside):
    assert inside.post("/", {**FORM, "as": "outside"})["Location"].startswith("/upload/")


def test_of_two_letters_of_one_second_the_later_one_is_uppermost(inside, read, settings, tmp_path):
    settings.DEMO, settings.MAIL_DIR = True, tmp_path
    for number, subject in enumerate(("Den första", "Den andra", "Den tredje")):
        path = tmp_path / f"20261124-100000-{9 - number}.log"
        head = f"Subject: {subject}\nTo: anna@ltdalarna.se\nDate: Tue, 24 Nov 2026 10:00:00 +0100\n\nHej\n"
        path.write_text(head + "-" * 79 + "\n")
        os.utime(path, ns=(number, number))
    text = read(inside.get("/demo/mail")).text
    assert sorted(("Den första", "Den andra", "Den tredje"), key=text.index) == [
        "Den tredje",
        "Den andra",
        "Den första",
    ]

"""The demo's mailbox and sign-in are there for whoever sits at the machine of a demo, and for nobody else."""

import base64
import hashlib
import os
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import time_machine
from django.core.mail import EmailMultiAlternatives, get_connection
from django.utils import timezone

from filsluss.identity.config import ProviderConfig
from filsluss.rules.networks import Client
from tests.pages.cases import INSIDE


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


ISSUER, BACK = "http://localhost:8000/demo/provider", "http://localhost:8000/staff/return"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASKED = {
    "response_type": "code",
    "client_id": "filsluss",
    "redirect_uri": BACK,
    "state": "s",
    "nonce": "n",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
BASIC = {"Authorization": "Basic " + base64.b64encode(b"filsluss:secret").decode()}


@pytest.fixture
def provider(settings):
    settings.DEMO = True
    settings.IDENTITY_PROVIDER = ProviderConfig(ISSUER, "filsluss", BACK, client_secret="secret")
    return settings


def authorize(client, face, **changes):
    return client.post(f"/demo/provider/authorize?{urlencode({**ASKED, **changes})}", {"face": face})


def redeem(client, code, *, headers=BASIC, **changes):
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
    return client.post("/demo/provider/token", {**form, **changes}, headers=headers)


def code_for(client, face):
    return parse_qs(urlsplit(authorize(client, face)["Location"]).query)["code"][0]


def test_the_sign_in_has_four_buttons_in_the_language_of_whoever_signs_in(inside, read, provider):
    for language, words in (("sv", "Logga in som Anna Berg"), ("en", "Sign in as Anna Berg")):
        answer = inside.get("/demo/provider/authorize", {**ASKED, "ui_locales": language})
        page = read(answer)
        faces = [button["value"] for button in page.all("button") if button.get("name") == "face"]
        assert (faces, words in page.text) == (["anna", "karin", "maria", "olof"], True)
        assert answer["Content-Language"] == language


def test_a_code_holds_once_with_its_verifier_for_a_minute(inside, provider):
    code = code_for(inside, "anna")
    given = redeem(inside, code)
    assert (given.status_code, given.json()["token_type"]) == (200, "Bearer")
    assert (redeem(inside, code).status_code, redeem(inside, "x").json()) == (400, {"error": "invalid_grant"})
    for wrong in ({"code_verifier": "w" * 43}, {"redirect_uri": "https://evil.example"}):
        assert redeem(inside, code_for(inside, "anna"), **wrong).json() == {"error": "invalid_grant"}
    late = code_for(inside, "anna")
    with time_machine.travel(timezone.now() + timedelta(seconds=61), tick=False):
        assert redeem(inside, late).json() == {"error": "invalid_grant"}


def test_only_this_service_gets_a_token(inside, provider):
    stranger = {"Authorization": "Basic " + base64.b64encode("filsluss:gåta".encode()).decode()}
    for headers in ({}, stranger):
        answer = redeem(inside, code_for(inside, "anna"), headers=headers)
        assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})
    assert redeem(inside, "x", grant_type="password").json() == {"error": "unsupported_grant_type"}


@pytest.mark.parametrize("name", ASKED)
def test_it_leads_back_to_this_service_only_with_all_that_it_asks_for(inside, provider, name):
    for wrong in ("", "https://evil.example/" + "x" * 300):
        assert authorize(inside, "anna", **{name: wrong}).status_code == 400
    assert authorize(inside, "nobody").status_code == 422


def test_no_other_page_chooses_a_face(inside, provider):
    query = urlencode(ASKED)
    for site in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = inside.post(f"/demo/provider/authorize?{query}", {"face": "maria"}, headers=site)
        assert answer.status_code == 403


@pytest.mark.parametrize("where", ["another machine", "outside the demo", "without a provider"])
def test_nobody_elsewhere_sees_the_sign_in(client, provider, where):
    who = Client("192.0.2.7", may_be_inside=True) if where == "another machine" else INSIDE
    provider.DEMO = where != "outside the demo"
    if where == "without a provider":
        provider.IDENTITY_PROVIDER = None
    for path in (".well-known/openid-configuration", "keys", "authorize", "end"):
        answer = client.get(f"/demo/provider/{path}", ASKED, **{"filsluss.client": who})
        assert (path, answer.status_code) == (path, 404)
    for path in ("authorize", "token"):
        answer = client.post(f"/demo/provider/{path}", {"face": "anna"}, **{"filsluss.client": who})
        assert (path, answer.status_code) == (path, 404)

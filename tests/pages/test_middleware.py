"""Middleware: whose forms are accepted, the language of a response, who gets a cookie."""

import errno

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client as Browser
from psycopg.errors import DiskFull

from filsluss.models import Transfer
from filsluss.outages import is_full
from filsluss.pages.middleware import page_for
from filsluss.rules.tokens import Purpose
from tests.pages.cases import FORM, INSIDE, link, pending

OURS = "http://localhost:8000"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Origin": OURS}, 303),
        ({"Origin": OURS, "Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://localhost:8001"}, 403),
        ({"Origin": "https://localhost:8000"}, 403),
        ({"Origin": "http://localhost:8000.evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://[::1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": OURS, "Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_a_form_is_taken_from_our_own_pages_and_from_programs(inside, read, headers, status):
    answer = inside.post("/", FORM, headers=headers)
    assert (answer.status_code, Transfer.objects.count()) == (status, int(status == 303))


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000"])
def test_in_the_demo_every_name_of_this_machine_is_ours(inside, settings, host):
    settings.DEMO = True
    assert inside.post("/", FORM, headers={"Origin": f"http://{host}"}).status_code == 303
    assert inside.post("/", FORM, headers={"Origin": f"http://{host}1"}).status_code == 403


@pytest.mark.parametrize(
    ("address", "accepted", "language"),
    [
        ("/", "sv-SE,sv;q=0.9,en;q=0.8", "sv"),
        ("/", "en-GB,en;q=0.9,sv;q=0.5", "en"),
        ("/", "nb-NO", "sv"),
        ("/", "da,de;q=0.5", "sv"),
        ("/", "no", "sv"),
        ("/", "de-DE,de;q=0.9", "en"),
        ("/", "de, sv;q=0.4", "sv"),
        ("/", "", "sv"),
        ("/", "*", "sv"),
        ("/", "\x00;;q=x,,", "sv"),
        ("/?lang=en", "sv", "en"),
        ("/?lang=sv", "en", "sv"),
        ("/?lang=xx", "en", "en"),
    ],
)
def test_the_reader_is_answered_in_their_language(inside, address, accepted, language):
    answer = inside.get(address, headers={"Accept-Language": accepted})
    assert (answer["Content-Language"], f'<html lang="{language}">' in answer.content.decode()) == (
        language,
        True,
    )
    assert "Accept-Language" in answer["Vary"]


def test_a_partys_pages_speak_the_browsers_language_else_that_of_the_letters(inside):
    address = link(pending(language="en"), Purpose.STATUS_SENDER)
    said = {
        accepted: inside.get(address, headers={"Accept-Language": accepted})["Content-Language"]
        for accepted in ("", "*", "de", "fi;q=0.9,de", "sv", "de,sv;q=0.5", "en-GB", "da,en;q=0.5")
    }
    others = {"sv": "sv", "de,sv;q=0.5": "sv", "da,en;q=0.5": "sv"}
    assert said == dict.fromkeys(said, "en") | others
    assert inside.get(f"{address}?lang=sv", headers={"Accept-Language": "en"})["Content-Language"] == "sv"


def test_the_language_link_keeps_the_page_and_what_it_was_asked(inside, read):
    page = read(inside.get("/oversee/sign-in?next=/oversee/transfers/K7PM-4QXD&lang=sv"))
    (switch,) = page.all("a", hreflang="en")
    assert (switch["href"], switch["lang"]) == ("?next=%2Foversee%2Ftransfers%2FK7PM-4QXD&lang=en", "en")


def test_no_page_outside_the_administrators_pages_sets_a_cookie(inside):
    transfer = pending()
    addresses = ["/", "/code", "/help", "/nothing", link(transfer, Purpose.DECIDE), "/sent"]
    assert [name for address in addresses for name in inside.get(address).cookies] == []
    assert list(inside.post("/", FORM).cookies) == []


@pytest.mark.parametrize("charset", ["utf-16", "utf-7", "idna", "nonsense"])
def test_a_request_in_a_strange_codec_meets_no_fault(inside, charset):
    kind = f"application/x-www-form-urlencoded; charset={charset}"
    assert (
        inside.get("/code?lang=+2AA-", content_type=kind, headers={"Content-Type": kind}).status_code == 200
    )
    assert inside.generic("POST", "/code", b"code=+2AA-%ff%00", content_type=kind).status_code == 422


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"a=1&" * 100, "application/x-www-form-urlencoded"),
        (b"a=" + b"x" * 70_000, "application/x-www-form-urlencoded"),
        (b"--x\r\nnonsense", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data"),
    ],
)
def test_a_malformed_form_is_answered_with_a_page(inside, read, body, kind):
    answer = inside.generic("POST", "/", body, content_type=kind)
    assert answer.status_code in (400, 413, 422)
    assert len(read(answer).all("h1")) == 1


def test_the_administrators_pages_require_a_sign_in_and_return_to_where_one_was(inside):
    for address in ("/oversee", "/oversee/transfers/K7PM-4QXD"):
        answer = inside.get(address)
        assert (answer.status_code, answer["Location"]) == (303, f"/oversee/sign-in?next={address}")
    User.objects.create_user("mallory", password="correct horse battery")
    mallory = {"username": "mallory", "password": "correct horse battery"}
    assert inside.post("/oversee/sign-in", mallory).status_code == 403


def test_the_administrators_forms_want_djangos_token(read):
    strict = Browser(enforce_csrf_checks=True)
    strict.defaults["filsluss.client"] = INSIDE
    answer = strict.post("/oversee/sign-in", {"username": "admin", "password": "x"})
    assert (answer.status_code, "Sidan behöver laddas om" in read(answer).text) == (403, True)
    assert strict.post("/code", {"code": "K7PM-4QXD-9T2V"}).status_code == 422


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL cannot be told to be full")
def test_a_form_that_the_database_has_no_room_for_is_not_taken_for_an_upload(inside):
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        (pages,) = cursor.fetchone()
        cursor.execute(f"PRAGMA max_page_count = {pages}")
        try:
            forms = ({**FORM, "purpose": f"{number} " + "x" * 490} for number in range(200))
            answers = (inside.post("/", form) for form in forms)
            answer = next(answer for answer in answers if answer.status_code != 303)
        finally:
            cursor.execute("PRAGMA max_page_count = 4294967294")
    assert (answer.status_code, "Det du gjorde är inte sparat." in answer.content.decode()) == (507, True)
    assert "filer" not in answer.content.decode().partition("<main")[2].partition("</main>")[0]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (OSError(errno.ENOSPC, "x"), 507),
        (OSError(errno.EDQUOT, "x"), 507),
        (OperationalError("x"), 503),
        (OSError(errno.EIO, "x"), None),
    ],
)
def test_a_full_disk_is_507_and_a_database_that_is_away_503(rf, fault, status):
    page = page_for(rf.get("/"), fault)
    assert (page.status_code if page else None) == status


def test_postgresqls_word_for_a_full_disk_is_known():
    fault = OperationalError("x")
    fault.__cause__ = DiskFull("x")
    assert is_full(fault)

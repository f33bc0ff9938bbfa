"""A byte path that refuses a person shows them the page they came from, and leaves their request as it is."""

import io

import pytest
from django.conf import settings
from django.db import OperationalError, connection

from filsluss import wsgi
from filsluss.models import Link, Party
from filsluss.pages import upload
from filsluss.rules.tokens import Purpose
from tests.pages.cases import letter_link, link, open_transfer, ready_file

pytestmark = pytest.mark.django_db(transaction=True)  # the byte paths close the connection
ELSEWHERE = {"HTTP_ORIGIN": "https://elsewhere.example"}


class Unread(io.BytesIO):
    """A body that nobody may read."""

    def read(self, *size: object) -> bytes:
        raise AssertionError("the body was read")

    readline = readlines = __iter__ = __next__ = read


def ask(method: str, path: str, **more: str) -> tuple[str, dict[str, str], str, dict]:
    """Status, headers, page, and the environ after it; the body is never read."""
    said, environ = {}, environ_of(method, path, **more)
    before = dict(environ)

    def start(status, headers, fault=None):
        said.update(status=status, headers=dict(headers))

    answer = wsgi.application(environ, start)
    text = b"".join(answer).decode()
    getattr(answer, "close", lambda: None)()
    assert {name: environ[name] for name in before} == before
    return said["status"], said["headers"], text, environ


def environ_of(method: str, path: str, **more: str) -> dict:
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": settings.POLICY.base_url.partition("://")[2],
        "HTTP_ACCEPT": "text/html",
        "CONTENT_TYPE": "text/plain; charset=utf-16",
        "CONTENT_LENGTH": "999999999",
        "wsgi.input": Unread(),
        "wsgi.url_scheme": "http",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        **more,
    }


def test_a_refused_form_gets_the_senders_page_and_its_body_stays_unread():
    transfer = open_transfer()
    Party.objects.filter(transfer=transfer).update(language="en")
    own = link(transfer, Purpose.UPLOAD)
    status, headers, page, environ = ask("POST", own)
    assert (status, headers["Content-Language"]) == ("400 Bad Request", "en")
    assert "No file was chosen" in page
    assert (headers["Vary"], headers["Cache-Control"]) == (
        "Accept-Language, Accept-Encoding",
        "private, no-cache",
    )
    assert [name for name in environ if name.startswith("filsluss.")] == ["filsluss.client"]


def test_who_reads_the_page_slowly_holds_no_connection_to_the_database():
    answer = wsgi.application(environ_of("POST", link(open_transfer(), Purpose.UPLOAD)), lambda *_: None)
    assert connection.connection is None
    answer.close()


def test_a_form_of_another_site_is_refused_on_a_page():
    status, _, page, _ = ask("POST", link(open_transfer(), Purpose.UPLOAD), **ELSEWHERE)
    assert status == "403 Forbidden"
    assert "Formuläret skickades inte från den här tjänsten" in page


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_download_too_many_is_refused_in_the_readers_language(method):
    address = f"{letter_link(ready_file(open_transfer()))}/x"
    crowded = {"HTTP_X_FILSLUSS_CROWDED": "1", "QUERY_STRING": "lang=en"}
    status, headers, page, _ = ask(method, address, **crowded)
    assert (status, headers["Retry-After"]) == ("429 Too Many Requests", "30")
    assert "Too many downloads at the same time" in page


def test_a_program_is_refused_in_json():
    address = f"{letter_link(ready_file(open_transfer()))}/x"
    status, headers, _, _ = ask("GET", address, HTTP_ACCEPT="*/*", HTTP_X_FILSLUSS_CROWDED="1")
    assert (status, headers["Content-Type"]) == ("429 Too Many Requests", "application/problem+json")


@pytest.mark.parametrize("prefix", ["upload", "download", "zip"])
def test_an_unknown_link_is_not_found(prefix):
    rest = {"upload": "", "download": "/x", "zip": "/K7PM-4QXD.zip"}[prefix]
    status, _, page, _ = ask("POST" if prefix == "upload" else "GET", f"/{prefix}/{'x' * 43}{rest}")
    assert (status, "Sidan finns inte" in page) == ("404 Not Found", True)


def test_a_revoked_link_is_gone(now):
    own = link(open_transfer(), Purpose.UPLOAD)
    Link.objects.update(revoked_at=now)
    status, _, page, _ = ask("POST", own)
    assert (status, "Länken gäller inte längre" in page) == ("410 Gone", True)


def test_a_database_that_goes_away_meanwhile_is_a_reason_to_try_again(monkeypatch):
    def away(*_: object) -> None:
        raise OperationalError("away")

    own = link(open_transfer(), Purpose.UPLOAD)
    monkeypatch.setattr(upload, "link_behind", away)
    status, headers, page, _ = ask("POST", own)
    assert (status, headers["Retry-After"]) == ("503 Service Unavailable", "5")
    assert "Tjänsten är upptagen" in page


def test_a_page_that_fails_is_still_a_page(monkeypatch):
    def fail(*_: object) -> None:
        raise KeyError

    own = link(open_transfer(), Purpose.UPLOAD)
    monkeypatch.setattr(upload, "link_behind", fail)
    status, _, page, _ = ask("POST", own)
    assert (status, "Något gick fel hos oss" in page) == ("500 Internal Server Error", True)

"""Requests that are too large: refused with a documented status, and the service works as before."""

import http.client
from urllib.parse import urlencode

import pytest

from tests.parts import people

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

REFUSED = {400, 413, 414, 422, 431}


def form(count, size=1):
    return "&".join(f"f{n}={'x' * size}" for n in range(count)).encode()


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
OVERSIZED = {
    "10 000 fields": ("POST", "/", form(10_000), FORM),
    "a field of 1 MB": ("POST", "/", form(1, 1 << 20), FORM),
    "10 000 fields in a code": ("POST", "/code", form(10_000), FORM),
    "an address of 20 000 characters": ("GET", "/?" + "x" * 20_000, None, {}),
    "a name of 20 000 characters": ("GET", "/download/" + "x" * 20_000, None, {}),
    "2 000 headers": ("GET", "/", None, {f"X-{n}": "x" for n in range(2_000)}),
    "a header of 100 000 characters": ("GET", "/", None, {"X-Long": "x" * 100_000}),
    "a cookie of 60 000 characters": ("GET", "/oversee", None, {"Cookie": "sessionid=" + "x" * 60_000}),
    "5 000 languages": ("GET", "/", None, {"Accept-Language": ",".join(["sv;q=0.1"] * 900)}),
}


@pytest.mark.parametrize("name", OVERSIZED)
def test_f6_a_request_that_is_too_large_is_refused_or_harmless(target, name):
    try:
        status = target.service.request(*OVERSIZED[name]).status
    except (OSError, http.client.HTTPException):
        status = 431  # disconnected before all of it was sent
    assert status in (REFUSED | {200} if name == "5 000 languages" else REFUSED)
    assert target.service.get("/help").status == 200


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
def test_a_text_of_70_000_characters_is_refused_by_its_length_and_shown_again(target, chunked):
    body = urlencode({**people.FORM, "purpose": "x" * 70_000}).encode()
    answer = target.service.request("POST", "/", iter([body]) if chunked else body, FORM)
    assert answer.status == 422
    assert "Du har skrivit 70000" in answer.text.replace("\N{NO-BREAK SPACE}", "")
    assert "x" * 70_000 in answer.text


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
def test_a_form_that_is_longer_than_any_text_gets_a_page_that_says_so(target, chunked):
    body = urlencode({**people.FORM, "purpose": "x" * 270_000}).encode()
    answer = target.service.request("POST", "/", iter([body]) if chunked else body, FORM)
    assert (answer.status, "Texten är för lång" in answer.text) == (413, True)


def latin(text):
    """UTF-8 as it is sent in a header."""
    return text.encode().decode("latin-1")


@pytest.mark.parametrize(
    "metadata",
    [
        ",".join(f"k{n} YQ==" for n in range(500)),
        "filename " + "YQ==" * 3000,
        "filename YQ==,filename Yg==",
        "filename YQ==," * 5 + "x",
        "filename \u00e5",
        "filename AAAA",
    ],
)
def test_d17_oversized_metadata_makes_no_upload(target, metadata):
    before = len(target.service.get(f"{target.populated.upload}/files").body)
    answer = target.service.request(
        "POST",
        f"{target.populated.upload}/files",
        b"",
        {"Tus-Resumable": "1.0.0", "Upload-Length": "5", "Upload-Metadata": latin(metadata)},
    )
    assert answer.status in (400, 431)
    assert len(target.service.get(f"{target.populated.upload}/files").body) == before


@pytest.mark.parametrize(
    "ranges", ["bytes=" + ",".join(f"{n}-{n}" for n in range(count)) for count in (2, 101, 1000)]
)
def test_e4_many_ranges_are_answered_with_the_whole_file(target, ranges):
    address = people.download_links(target.service, target.populated.ready[0])[0]
    answer = target.service.get(address, Range=ranges)
    assert (answer.status, answer.headers["Content-Range"]) == (200, None)


def test_d8_nobody_reserves_more_than_their_account(target):
    """Announced and left: the account's own limit is what is used up, and nobody else's."""
    upload = people.apply(target.service, people.FORM, recipient_email="bo.d8@rontgen.example").location
    statuses = [people.announce(target.service, upload, 2**31).status for _ in range(30)]
    assert statuses.count(201) == 25  # 50 GiB
    assert set(statuses[25:]) == {413}
    other = people.apply(target.service, people.FORM, recipient_email="bo.d8b@rontgen.example").location
    assert people.announce(target.service, other, 5).status == 201


def test_d12_bytes_that_nobody_asked_for_are_not_stored(target):
    """A body of 100 MB to an unknown link is not read."""
    from tests.parts.raw_http import RawConnection
    from tests.parts.storage import blobs

    before = sum(path.stat().st_size for path in blobs(target.service).values())
    with RawConnection(target.service) as connection:
        connection.send_patch("/upload/" + "A" * 43 + "/files/" + "B" * 22, 0, b"x" * 65536, length=100 << 20)
        assert connection.read_response().status == 404
    assert sum(path.stat().st_size for path in blobs(target.service).values()) == before

"""Requests that are large where none needs to be: refused in words, and the house stands as before."""

import http.client

import pytest

from tests.parts import people

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

REFUSED = {400, 413, 414, 422, 431}


def form(count, size=1):
    return "&".join(f"f{n}={'x' * size}" for n in range(count)).encode()


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BOMBS = {
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


@pytest.mark.parametrize("bomb", BOMBS)
def test_f6_a_request_that_is_too_large_is_refused_or_harmless(target, bomb):
    try:
        status = target.house.request(*BOMBS[bomb]).status
    except (OSError, http.client.HTTPException):
        status = 431  # hung up on before all of it was sent
    assert status in (REFUSED | {200} if bomb == "5 000 languages" else REFUSED)
    assert target.house.get("/help").status == 200


def latin(text):
    """UTF-8 as it goes over the wire."""
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
def test_d17_metadata_that_is_a_bomb_makes_no_upload(target, metadata):
    before = len(target.house.get(f"{target.lived.upload}/files").body)
    answer = target.house.request(
        "POST", f"{target.lived.upload}/files", b"",
        {"Tus-Resumable": "1.0.0", "Upload-Length": "5", "Upload-Metadata": latin(metadata)},
    )  # fmt: skip
    assert answer.status in (400, 431)
    assert len(target.house.get(f"{target.lived.upload}/files").body) == before


@pytest.mark.parametrize(
    "ranges", ["bytes=" + ",".join(f"{n}-{n}" for n in range(count)) for count in (2, 101, 1000)]
)
def test_e4_many_ranges_are_answered_with_the_whole_file(target, ranges):
    address = people.download_links(target.house, target.lived.ready[0])[0]
    answer = target.house.get(address, Range=ranges)
    assert (answer.status, answer.headers["Content-Range"]) == (200, None)


def test_d8_nobody_reserves_more_than_his_account(target):
    """Announced and left: the account's own limit is what is used up, and nobody else's."""
    upload = people.apply(target.house, people.FORM, recipient_email="bo.d8@rontgen.example").location
    statuses = [people.announce(target.house, upload, 2**31).status for _ in range(30)]
    assert statuses.count(201) == 25  # 50 GiB
    assert set(statuses[25:]) == {413}
    other = people.apply(target.house, people.FORM, recipient_email="bo.d8b@rontgen.example").location
    assert people.announce(target.house, other, 5).status == 201


def test_d12_bytes_that_nobody_asked_for_are_not_stored(target):
    """A body of 100 MB to a door that is shut is not read."""
    from tests.parts.raw import Line
    from tests.parts.rows import blobs

    before = sum(path.stat().st_size for path in blobs(target.house).values())
    with Line(target.house) as line:
        line.append("/upload/" + "A" * 43 + "/files/" + "B" * 22, 0, b"x" * 65536, length=100 << 20)
        assert line.answer().status == 404
    assert sum(path.stat().st_size for path in blobs(target.house).values()) == before

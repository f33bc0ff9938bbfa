"""What a page weighs on the first visit, compressed; what is kept for ever; and that nobody else is asked."""

import gzip
import re

import pytest

from tests.parts import browser as chromium

SCRIPTS_AT_MOST = 15_000
PAGE_AT_MOST = 60_000
ROOMS = ("apply", "upload", "download", "decide", "help", "oversee-case", "not-found")


@pytest.fixture(scope="module")
def weighed(lived_in, browser):
    """Every answer of a first visit to each room: address, bytes on the wire, headers."""
    found = {}
    for room in ROOMS:
        answers = []
        with chromium.person(browser) as page:
            page.on("response", lambda answer, kept=answers: kept.append(answer))
            lived_in.enter(page, room, "sv")
            page.wait_for_load_state("networkidle")
            sizes = [answer.request.sizes() for answer in answers]
            found[room] = [
                (answer.url, size["responseBodySize"] + size["responseHeadersSize"], answer.all_headers())
                for answer, size in zip(answers, sizes, strict=True)
            ]
    return found


def test_no_page_weighs_more_than_60_kilobytes_on_the_first_visit(weighed):
    weights = {room: sum(size for _, size, _ in answers) for room, answers in weighed.items()}
    assert {room: weight for room, weight in weights.items() if weight > PAGE_AT_MOST} == {}
    assert weights["upload"] > 15_000, "something was not counted"


def test_all_scripts_together_weigh_less_than_15_kilobytes(lived_in, weighed):
    scripts = {url for url, _, _ in weighed["upload"] if url.endswith(".js")}
    assert len(scripts) == 9
    sizes = [
        len(lived_in.house.request("GET", url, headers={"Accept-Encoding": "gzip"}).body) for url in scripts
    ]
    assert sum(sizes) < SCRIPTS_AT_MOST


def test_what_is_static_is_named_by_its_hash_kept_for_ever_and_sent_compressed(lived_in, weighed):
    static = {url: headers for url, _, headers in weighed["upload"] if "/static/" in url}
    assert len(static) == 11
    for url, headers in static.items():
        assert re.search(r"\.[0-9a-f]{12}\.(js|css|svg)$", url), url
        assert headers["cache-control"] == "max-age=315360000, public, immutable", url
        assert headers.get("content-encoding") == "gzip" or url.endswith(".svg"), url


def test_a_page_asks_for_nothing_twice_and_nothing_of_anybody_else(lived_in, weighed):
    for room, answers in weighed.items():
        urls = [url for url, _, _ in answers]
        strange = [url for url in urls if not url.startswith((lived_in.house.url, "data:"))]
        listed = [url for url in urls if not re.search(r"\.svg$|/upload/[\w-]+(/files)?(\?|$)", url)]
        assert (room, strange, sorted(set(listed))) == (room, [], sorted(listed))


def test_what_is_sent_compressed_is_what_it_was(lived_in, weighed):
    (sheet,) = {url for url, _, _ in weighed["apply"] if url.endswith(".css")}
    short = lived_in.house.request("GET", sheet, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(short.body) == lived_in.house.request("GET", sheet).body

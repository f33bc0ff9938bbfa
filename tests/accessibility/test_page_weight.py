"""Page weight on the first visit, compressed; cache headers of static files; no request to another host."""

import gzip
import re

import pytest

from tests.parts import browser as chromium

SCRIPTS_AT_MOST = 21_000
PAGE_AT_MOST = 64_000
PAGES = ("apply", "upload", "download", "decide", "help", "oversee-case", "not-found")


@pytest.fixture(scope="module")
def weighed(populated, browser):
    """Every response of a first visit to each page: address, bytes transferred, headers."""
    found = {}
    for name in PAGES:
        answers = []
        with chromium.person(browser) as page:
            page.on("response", lambda answer, kept=answers: kept.append(answer))
            populated.open_page(page, name, "sv")
            page.wait_for_load_state("networkidle")
            sizes = [answer.request.sizes() for answer in answers]
            found[name] = [
                (answer.url, size["responseBodySize"] + size["responseHeadersSize"], answer.all_headers())
                for answer, size in zip(answers, sizes, strict=True)
            ]
    return found


def test_no_page_weighs_more_than_64_kilobytes_on_the_first_visit(weighed):
    weights = {name: sum(size for _, size, _ in answers) for name, answers in weighed.items()}
    assert {name: weight for name, weight in weights.items() if weight > PAGE_AT_MOST} == {}
    assert weights["upload"] > 15_000, "something was not counted"


def test_all_scripts_together_weigh_less_than_21_kilobytes(populated, weighed):
    scripts = {url for url, _, _ in weighed["upload"] if url.endswith(".js")}
    assert len(scripts) == 11
    sizes = [
        len(populated.service.request("GET", url, headers={"Accept-Encoding": "gzip"}).body)
        for url in scripts
    ]
    assert sum(sizes) < SCRIPTS_AT_MOST


def test_what_is_static_is_named_by_its_hash_kept_for_ever_and_sent_compressed(populated, weighed):
    static = {url: headers for url, _, headers in weighed["upload"] if "/static/" in url}
    assert len(static) == 14
    for url, headers in static.items():
        assert re.search(r"\.[0-9a-f]{12}\.(js|css|svg)$", url), url
        assert headers["cache-control"] == "max-age=315360000, public, immutable", url
        assert headers.get("content-encoding") == "gzip" or url.endswith(".svg"), url


def test_a_page_asks_for_nothing_twice_and_nothing_of_anybody_else(populated, weighed):
    for name, answers in weighed.items():
        urls = [url for url, _, _ in answers]
        strange = [url for url in urls if not url.startswith((populated.service.url, "data:"))]
        listed = [url for url in urls if not re.search(r"\.svg$|/upload/[\w-]+(/files)?(\?|$)", url)]
        assert (name, strange, sorted(set(listed))) == (name, [], sorted(listed))


def test_what_is_sent_compressed_is_what_it_was(populated, weighed):
    (sheet,) = {url for url, _, _ in weighed["apply"] if url.endswith(".css")}
    short = populated.service.request("GET", sheet, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(short.body) == populated.service.request("GET", sheet).body


def test_all_scripts_of_all_pages_together_weigh_less_than_24_kilobytes(populated, weighed):
    """No page loads them all: those of the application form are not those of the upload page."""
    loaded = {url for answers in weighed.values() for url, _, _ in answers if url.endswith(".js")}
    assert len(loaded) == 14 + sum("signed-in" in url for url in loaded)
    sizes = [
        len(populated.service.request("GET", url, headers={"Accept-Encoding": "gzip"}).body) for url in loaded
    ]
    assert sum(sizes) < 24_000


def test_the_list_of_an_empty_account_comes_with_the_page_and_is_not_asked_for_twice(populated, browser):
    asked = []
    with chromium.person(browser) as page:
        page.on("request", lambda request: asked.append(request.url.rsplit("/", 1)[-1]))
        populated.open_page(page, "upload-empty", "sv")
        page.locator("#drop").wait_for()
        page.wait_for_load_state("networkidle")
    # By the page, which answers what the script asks first, and by the list itself once there is one.
    assert asked.count("files") == 2
    assert asked.index("files") < next(
        place for place, name in enumerate(asked) if name.startswith("file-list")
    )

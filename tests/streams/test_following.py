"""A request follows an upload in its thread only where a look at its whole header would send it there."""

from itertools import product

import pytest

from filsluss.server.peek import classify, is_upload

LINK, OTHER = b"a" * 43, b"b" * 43
WITH_PAGES = (b"/files/x/y", b"/files/x?", b"/files?", b"/remove", b"/code", b"/send-now", b"/fil.bin", b"/")
"""Of each the answer may be a page, which is long."""
METHODS = (b"POST", b"PATCH", b"PUT", b"DELETE", b"GET", b"HEAD", b"OPTIONS", b"post", b"")
PATHS = (
    b"/upload/" + LINK + b"/files",
    b"/upload/" + LINK + b"/files/x",
    *(b"/upload/" + LINK + rest for rest in WITH_PAGES),
    b"/upload/" + LINK,
    b"/upload/" + OTHER + b"/files",
    b"/upload/" + LINK + b"x/files",
    b"http://host/upload/" + LINK + b"/files",
    b"/%75pload/" + LINK + b"/files",
    b"/download/" + LINK + b"/files",
    b"/",
)
HEADERS = (b"Content-Length: 5\r\n\r\nbytes", b"Content-Length: 0\r\n\r\n", b"Content-Length: 5\r\n")


@pytest.mark.parametrize(("method", "path", "rest"), [*product(METHODS, PATHS, HEADERS)])
def test_a_request_follows_only_if_it_gets_a_thread_of_uploads_of_that_link(method, path, rest):
    seen = method + b" " + path + b" HTTP/1.1\r\nHost: host\r\n" + rest
    peek = classify(seen)
    may_follow = peek.is_bytes and not (peek.missing or peek.sends or peek.asks) and peek.link == LINK
    assert may_follow or not is_upload(seen, LINK)


@pytest.mark.parametrize("method", [b"POST", b"PATCH"])
@pytest.mark.parametrize("path", PATHS[:2])
def test_an_upload_of_that_link_whose_header_is_whole_follows(method, path):
    line = method + b" " + path + b" HTTP/1.1\r\n"
    assert is_upload(line + b"Content-Length: 5\r\n\r\n", LINK)
    assert not is_upload(line + b"Content-Length: 5\r\n", LINK)
    assert not is_upload(b"", LINK)


@pytest.mark.parametrize("method", [b"POST", b"PATCH", b"PUT", b"DELETE"])
@pytest.mark.parametrize("below", WITH_PAGES)
def test_nothing_follows_whose_answer_may_be_a_page(method, below):
    line = method + b" /upload/" + LINK + below + b" HTTP/1.1\r\n"
    assert not is_upload(line + b"Content-Length: 5\r\n\r\n", LINK)

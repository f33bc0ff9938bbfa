"""One table of paths: everybody who asks what a path is asks it, and the shipped proxies say the same."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import RequestFactory

from filsluss import logs, urls
from filsluss.ops.metrics import count_request, requests
from filsluss.rules import paths
from filsluss.rules.paths import TABLE, Bytes, Client, Door, Prefix
from filsluss.server.peek import read_request_line
from filsluss.streams.request import Request
from filsluss.streams.responses import Refusal
from filsluss.streams.routes import ROUTES, find_route
from tests.test_conventions import MODULES, ROOT, SOURCE, name_of
from tests.test_layers import strings

TOKEN = "A1b-" * 10 + "xyz"
TABLE_FILE = "rules/paths.py"
NAMES = "|".join(re.escape(prefix.name) for prefix in TABLE if prefix.name)
WRITTEN = re.compile(rf"(?<![\w.<}}-])/({NAMES})(?=$|[/?#`\"'\s{{%\\*,;)])")
ROUTE = re.compile(rf"({NAMES})/")


def of(passing: Bytes) -> set[str]:
    return {prefix.name for prefix in TABLE if prefix.bytes is passing}


def secret() -> list[Prefix]:
    return [prefix for prefix in TABLE if prefix.is_secret]


@pytest.mark.parametrize(
    ("method", "path", "passing"),
    [
        ("GET", f"/upload/{TOKEN}", Bytes.NONE),
        ("HEAD", f"/upload/{TOKEN}?rows=x/y", Bytes.NONE),
        ("POST", f"/upload/{TOKEN}", Bytes.RECEIVED),
        ("GET", f"/upload/{TOKEN}/files", Bytes.RECEIVED),
        ("HEAD", f"/upload/{TOKEN}/files/x", Bytes.RECEIVED),
        ("PATCH", f"/upload/{TOKEN}/files/x", Bytes.RECEIVED),
        ("BREW", "/upload/", Bytes.RECEIVED),
        ("POST", "/upload", Bytes.NONE),
        ("PUT", "/uploads/x/y", Bytes.NONE),
        ("GET", f"/download/{TOKEN}", Bytes.NONE),
        ("GET", f"/download/{TOKEN}/x.pdf", Bytes.SENT),
        ("HEAD", f"/download/{TOKEN}/", Bytes.SENT),
        ("POST", f"/download/{TOKEN}/x.pdf", Bytes.NONE),
        ("GET", f"/zip/{TOKEN}/K7PM-4QXD.zip", Bytes.SENT),
        ("GET", "/download//x.pdf", Bytes.NONE),
        ("GET", f"/decide/{TOKEN}/x", Bytes.NONE),
        ("POST", "/", Bytes.NONE),
        ("GET", f"//download/{TOKEN}/x", Bytes.NONE),
    ],
)
def test_whether_bytes_pass(method: str, path: str, passing: Bytes):
    assert paths.read(method, path.partition("?")[0]).bytes is passing
    peek = read_request_line(f"{method} {path} HTTP/1.1\r\n".encode())
    assert peek.is_bytes is (passing is not Bytes.NONE)
    if passing is not Bytes.NONE:
        assert (peek.sends, peek.link.decode()) == (passing is Bytes.SENT, path.split("/")[2])


@pytest.mark.parametrize(
    ("method", "path", "asks"),
    [
        ("HEAD", f"/upload/{TOKEN}/files/x", True),
        ("OPTIONS", f"/upload/{TOKEN}/files", True),
        ("GET", f"/upload/{TOKEN}/files?after=x/y", True),
        ("GET", f"/upload/{TOKEN}/files/x/samples", False),
        ("PATCH", f"/upload/{TOKEN}/files/x", False),
        ("HEAD", f"/download/{TOKEN}/x", False),
    ],
)
def test_what_asks_about_uploads_waits_for_no_store(method: str, path: str, asks: bool):
    assert read_request_line(f"{method} {path} HTTP/1.1\r\n".encode()).asks is asks


@pytest.mark.parametrize(
    "line", ["GET http://x/download/t/y", "GET /%64ownload/t/y", "GET /code%3f", "OPTIONS *", "GET  /", "x"]
)
def test_what_cannot_be_told_may_block_on_its_client(line: str):
    assert read_request_line(f"{line} HTTP/1.1\r\n".encode()).is_bytes


def test_only_a_path_that_begins_with_a_slash_has_a_row():
    assert [paths.prefix_of(path) for path in ("", "*", "xupload/a", "//", "//upload/a", "/nothing")] == [
        None
    ] * 6
    assert {prefix.name: paths.prefix_of(prefix.path()) for prefix in TABLE} == {
        prefix.name: prefix for prefix in TABLE
    }
    assert [paths.OVERSEE.holds(f"/oversee{rest}") for rest in ("", "/x", "n")] == [True, True, False]


def written_out(text: str) -> list[str]:
    return [match[0] for match in WRITTEN.finditer(text)]


def test_what_is_a_prefix_written_out():
    found = ['href="/code{{', "`/oversee`", r"^\/upload\/", "/download/", "see /help", '"/status?x"']
    assert [text for text in found if not written_out(text)] == []
    others = ["</code>", "/codes", "text/help", "a.static/x", "/proc/sys", "pages/upload.html", "/filsluss"]
    assert [text for text in others if written_out(text)] == []


def test_a_prefix_is_written_out_nowhere_else():
    """Code asks the table; templates ask `{% url %}`."""
    found = {
        f"{name_of(path)}:{node.lineno} {node.value!r}"
        for path in MODULES
        if name_of(path) != TABLE_FILE
        for node in strings(path)
        if written_out(node.value) or ROUTE.match(node.value)
    }
    files = [path for path in SOURCE.rglob("*") if path.suffix in {".html", ".txt", ".js", ".css", ".po"}]
    assert len(files) > 50
    found |= {f"{name_of(path)} {found}" for path in files if (found := written_out(path.read_text()))}
    assert found == set()


def taken_by_pages() -> Iterator[tuple[Prefix, set[str]]]:
    """The row of every view, and the methods that it takes."""
    for pattern in urls.urlpatterns:
        route = str(pattern.pattern)
        if route.startswith("^"):
            continue  # the assets of an installation
        prefix = paths.prefix_of("/" + route)
        assert prefix is not None, route
        request = RequestFactory().generic("BREW", "/")
        names = dict.fromkeys(pattern.pattern.converters, "x")
        refused = pattern.callback(request, **names)
        assert refused.status_code == 405, route
        yield prefix, set(refused.headers["Allow"].split(", "))


def taken_by_streams() -> Iterator[tuple[Prefix, set[str]]]:
    for prefix, routes in ROUTES.items():
        for route in routes:
            if route.methods:
                yield prefix, set(route.methods)
                continue
            with pytest.raises(Refusal) as refused:
                route.handler(Request({"REQUEST_METHOD": "BREW"}, {}))
            yield prefix, set(dict(refused.value.headers)["Allow"].split(", "))


def test_the_methods_of_the_table_are_those_that_are_taken():
    taken: dict[str, set[str]] = {prefix.name: set() for prefix in TABLE}
    for prefix, methods in (*taken_by_pages(), *taken_by_streams()):
        taken[prefix.name] |= methods - {"HEAD"}
    answered = {prefix.name: set(prefix.methods.split()) for prefix in TABLE}
    assert taken | {"static": {"GET"}} == answered


def test_every_row_is_answered_by_its_door():
    by_pages = {prefix for prefix, _ in taken_by_pages()}
    assert {prefix for prefix in TABLE if prefix.door is Door.STREAMS} == set(ROUTES)
    assert {prefix for prefix in TABLE if prefix.door in (Door.PAGES, Door.OPS)} <= by_pages
    assert {prefix for prefix in by_pages if prefix.door is Door.STREAMS} == {paths.UPLOAD, paths.DOWNLOAD}
    assert paths.STATIC.path("") == settings.STATIC_URL
    assert {prefix.name for prefix in TABLE if prefix.client is Client.PROGRAMS and prefix.methods} == {
        prefix.name for prefix in TABLE if prefix.door is Door.OPS
    }


@pytest.mark.parametrize("prefix", TABLE, ids=lambda prefix: prefix.name)
def test_no_page_is_looked_for_among_the_byte_paths(prefix: Prefix):
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": prefix.path(TOKEN)}
    assert find_route(environ) is None


@pytest.mark.parametrize("prefix", TABLE, ids=lambda prefix: prefix.name)
def test_a_log_line_and_a_figure_name_the_row_and_no_token(prefix: Prefix):
    line = logs.masked(f"GET {prefix.path('räv!', 'x')}")
    assert line == f"GET {prefix.path('***' if prefix.is_secret else 'räv!', 'x')}"
    path = prefix.path(TOKEN) if prefix.name else "/"
    count_request(path, "299 x")
    labels = {sample.labels["path"] for metric in requests.collect() for sample in metric.samples}
    assert (prefix.name or "apply") in labels
    assert not any(TOKEN in label for label in labels)


# The proxies that are shipped.

NGINX, CADDY = (ROOT / "deploy" / name for name in ("nginx.conf", "Caddyfile"))
ALTERNATIVES = re.compile(r"/\(?(?:\?:)?([a-z|.-]+)\)?/")


def without_comments(path: Path) -> str:
    return re.sub(r"^\s*#.*$", "", path.read_text(), flags=re.MULTILINE)


def locations() -> dict[str, str]:
    """Of nginx.conf: the pattern of each location, and what it says."""
    found = re.findall(r"location\s+(?:~\s+)?(\S+)\s*\{([^{}]*)\}", without_comments(NGINX))
    return {pattern.removeprefix("^"): body for pattern, body in found}


def named(pattern: str) -> set[str]:
    found = ALTERNATIVES.search(pattern)
    return set(found[1].split("|")) if found else {""}


def saying(words: str) -> set[str]:
    """The prefixes of the locations that say these words."""
    return {name for pattern, body in locations().items() if words in body for name in named(pattern)}


def mapped(variable: str) -> list[tuple[str, str]]:
    """The lines of a map of nginx.conf, each a pattern and a value."""
    body = re.search(rf"map [^{{]+ \{variable} \{{\n(.*?)\n\}}", without_comments(NGINX), re.DOTALL)
    assert body, variable
    lines = [line.strip().rstrip(";") for line in body[1].splitlines() if line.strip()]
    return [(left.strip('"'), right) for left, right in (re.split(r"\s{2,}", line) for line in lines)]


def logged_by_nginx(path: str) -> str:
    for pattern, shown in mapped("$filsluss_logged_path"):
        found = re.search(pattern[1:].replace("(?<", "(?P<"), path) if pattern[0] == "~" else None
        if found or pattern == "default":
            value = shown
            for name, text in {"uri": path, **(found.groupdict() if found else {})}.items():
                value = value.replace(f"${name}", text)
            return value
    raise AssertionError(path)


def test_nginx_passes_bytes_where_the_table_does():
    assert saying("client_max_body_size 0") == of(Bytes.RECEIVED) | {"closed"}
    assert saying("limit_conn ") == of(Bytes.SENT)
    assert saying("proxy_buffering off") == saying("filsluss_bytes;") == of(Bytes.RECEIVED) | of(Bytes.SENT)
    counted = next(pattern for pattern, _ in mapped("$filsluss_link") if pattern != "default")
    assert named(counted) == of(Bytes.SENT)
    for prefix in TABLE:
        path = prefix.path(TOKEN, "x")
        assert bool(re.search(counted[1:].replace("(?<", "(?P<"), f"GET {path}")) is (
            prefix.bytes is Bytes.SENT
        )


def test_nginx_keeps_to_itself_what_the_table_says():
    own = {prefix.name for prefix in TABLE if prefix.door is Door.PROXY}
    assert saying("internal;") == own | {"closed"}
    assert {name for pattern in locations() for name in named(pattern)} <= {
        *(prefix.name for prefix in TABLE),
        "closed",
    }


@pytest.mark.parametrize("prefix", TABLE, ids=lambda prefix: prefix.name)
def test_neither_proxy_logs_a_token(prefix: Prefix):
    addresses = [prefix.path(TOKEN), prefix.path(TOKEN, "x.pdf"), prefix.path(f"{TOKEN}?x=1")]
    kept = re.search(r'request>uri regexp "(.+?)" "(.+?)"', without_comments(CADDY))
    assert kept
    for address in addresses:
        by_nginx = logged_by_nginx(address.partition("?")[0])
        by_caddy = re.sub(kept[1], kept[2].replace("$", "\\"), address)
        if prefix.is_secret or prefix.door is Door.PROXY:
            assert TOKEN not in by_nginx + by_caddy
        if prefix.is_secret:
            assert by_nginx == by_caddy.replace("/-", "/-") == prefix.path("-")


def test_caddy_takes_large_bodies_where_the_table_does():
    found = re.search(r"@pages not path (.+)", without_comments(CADDY))
    assert found
    assert set(found[1].split()) == {f"/{name}/*" for name in of(Bytes.RECEIVED)}


def test_strings_are_looked_at_and_docstrings_are_not(tmp_path: Path):
    file = tmp_path / "x.py"
    file.write_text('"""/upload/"""\nplace = f"/upload/{1}"\n')
    assert [node.value for node in strings(file)] == ["/upload/"]
    assert isinstance(next(strings(file)), ast.Constant)

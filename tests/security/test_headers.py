"""Every response of the whole service has the security headers, whatever its status."""

import re

import pytest

from tests.parts import administrators, people
from tests.security.test_access import UNKNOWN, every_endpoint

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

PAGE = {
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}
BYTES = {"sandbox", "default-src 'none'", "frame-ancestors 'none'"}
SAYS_TOO_MUCH = re.compile(r"gunicorn|django|python|whitenoise|traceback", re.IGNORECASE)


def crawl(target):
    """Every page by every link, from every page we know of, and every answer that is no page."""
    service, populated = target.service, target.populated
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in populated.cookies.items())}
    seen, found = set(), []
    waiting = [
        (page.path, cookie if page.signed_in else {}) for page in populated.pages.values() if page.is_plain
    ]
    while waiting:
        path, headers = waiting.pop()
        if path in seen or len(seen) > 400 or path.startswith("/oversee/sign-out"):
            continue
        seen.add(path)
        answer = service.request("GET", path, headers=headers)
        found.append((f"GET {path}", answer))
        if "html" in str(answer.headers["Content-Type"]):
            links = re.findall(r'(?:href|src)="(/[^"#]*)"', answer.text)
            waiting += [(link.replace("&amp;", "&"), headers) for link in links]
    for name, page in populated.pages.items():
        body = dict(page.form) if page.form is not None else None
        asked = {**dict(page.headers), **(cookie if page.signed_in else {})}
        known_as = f"POST {name}" if page.method == "POST" else name
        found.append((known_as, service.request(page.method, page.path, body, asked)))
    return found


def others(target, victim):
    service = target.service
    for token in (*victim.tokens.values(), UNKNOWN):
        for _, method, path, body, headers in every_endpoint(token, victim):
            asked = {"Origin": "https://evil.example", **headers}
            yield f"{method} {path}", service.request(method, path, body, asked)
    address = people.download_links(service, target.populated.ready[0])[0]
    for asked in ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=99999999-"}, {"If-None-Match": "*"}):
        yield f"GET {address} {asked}", service.request("GET", address, headers=asked)
    yield f"HEAD {address}", service.request("HEAD", address)
    yield "OPTIONS", service.request("OPTIONS", f"{target.populated.upload}/files")
    for path in (
        "/healthz",
        "/readyz",
        "/metrics",
        "/static/nothing.css",
        "/favicon.ico",
        "/%00",
        "/%ff",
        "/.",
    ):
        yield path, service.get(path)
    for method in ("TRACE", "PROPFIND", "CONNECT", "NONSENSE"):
        yield method, service.request(method, "/")


def wrong_headers(name, answer):
    """The headers that a response lacks of those that every response of its kind must have."""
    headers = {key.lower(): value for key, value in answer.headers.items()}
    wanted = dict(PAGE)
    disposition = headers.get("content-disposition", "")
    policy = {part.strip() for part in headers.get("content-security-policy", "").split(";")}
    lacking = [f"{name}: {key}" for key, value in wanted.items() if headers.get(key) != value]
    if "permissions-policy" not in headers:
        lacking.append(f"{name}: permissions-policy")
    if not (BYTES if disposition.startswith("attachment") else POLICY) <= policy:
        lacking.append(f"{name}: content-security-policy {policy}")
    if headers.get("cache-control") not in ("no-store", "private, no-store") and not cacheable(name, headers):
        lacking.append(f"{name}: cache-control {headers.get('cache-control')}")
    if any(key.startswith("access-control-") for key in headers):
        lacking.append(f"{name}: lets another origin in")
    if "x-powered-by" in headers or SAYS_TOO_MUCH.search(headers.get("server", "").replace("gunicorn", "")):
        lacking.append(f"{name}: says what it is made of")
    return lacking


def cacheable(name, headers):
    """Static files are named by what they hold; a page that is the same for all may be asked about again."""
    same_for_all = re.fullmatch(r"(GET )?(/|/?[a-z-]+)(\?lang=\w\w)?", name) is not None
    if name.startswith("POST ") and headers["content-type"].startswith("text/html"):
        return headers["cache-control"] == "private, no-cache"  # a browser can go back to it
    return (
        "/static/" in name or "favicon" in name or (same_for_all and headers["cache-control"] == "no-cache")
    )


def test_b15_e1_e8_every_response_has_every_header(target, victim):
    answers = [*crawl(target), *others(target, victim)]
    assert len(answers) > 200
    assert {answer.status for _, answer in answers} >= {200, 206, 304, 403, 404, 405, 410, 416, 422}
    lacking = [line for name, answer in answers for line in wrong_headers(name, answer)]
    assert lacking == []
    assert [name for name, answer in answers if answer.status >= 500] == []


def test_https_promises_to_stay_https(make_service):
    service = make_service()
    service.env["FILSLUSS_BASE_URL"] = service.env["FILSLUSS_BASE_URL"].replace("http:", "https:")
    service.start()
    for path in ("/", "/nothing", "/healthz", f"/upload/{UNKNOWN}/files"):
        assert service.get(path).headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"


def test_asvs_3_3_on_https_no_other_host_can_set_or_read_the_administrators_cookies(make_service):
    service = make_service()
    service.env["FILSLUSS_BASE_URL"] = service.env["FILSLUSS_BASE_URL"].replace("http:", "https:")
    service.start()
    cookies = set_cookies(sign_in(service))
    assert {name: value for name, (value, _) in cookies.items() if not value} == {}
    assert {name: flags for name, (_, flags) in cookies.items()} == {
        "__Host-sessionid": {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"},
        "__Host-csrftoken": {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"},
    }
    carried = {"Cookie": "; ".join(f"{name}={value}" for name, (value, _) in cookies.items())}
    assert service.request("GET", "/oversee/me/factors", headers=carried).status == 200
    renamed = {"Cookie": carried["Cookie"].replace("__Host-", "")}
    assert service.request("GET", "/oversee/me/factors", headers=renamed).status == 303
    for path in ("/", "/code", "/help", "/nothing", f"/download/{UNKNOWN}"):
        assert service.request("GET", path, headers=carried).headers["Set-Cookie"] is None, path


def sign_in(service):
    """The answer that opens a session: to the password that a one-time link is for."""
    browser, link = administrators.Browser(service), administrators.path_of_link(service, "eva")
    browser.get(link)
    answer = browser.post(link, password=administrators.PASSWORD)
    assert answer.status == 303, answer.text
    return answer


def set_cookies(answer):
    """Value and flags by name; how long it is kept is another matter."""
    found = {}
    for line in answer.headers.get_all("Set-Cookie", []):
        pair, *flags = line.split("; ")
        name, _, value = pair.partition("=")
        found[name] = value, {flag for flag in flags if not flag.lower().startswith(("expires", "max-age"))}
    return found


def test_f8_there_is_no_endpoint_for_maintenance_or_debugging(target):
    for path in (
        "/admin/",
        "/admin/login/",
        "/phpinfo.php",
        "/server-status",
        "/.env",
        "/.git/config",
        "/debug",
        "/__debug__/",
        "/static/../settings.py",
        "/static/%2e%2e/%2e%2e/secret_key",
        "/media/",
        "/data/filsluss.sqlite3",
        "/blobs/",
        "/console",
        "/actuator/env",
        "/demo/mail",
        "/demo/provider/authorize",
        "/demo/provider/.well-known/openid-configuration",
        "/wp-login.php",
        "/config.json",
        "//etc/passwd",
    ):
        answer = target.service.get(path)
        assert answer.status in (302, 404), path
        assert not SAYS_TOO_MUCH.search(answer.text)

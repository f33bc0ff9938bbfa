"""Every answer of the whole house carries the headers that keep it to itself, whatever it answers."""

import re

import pytest

from tests.parts import people
from tests.parts.rooms import ADMINISTRATOR, PASSWORD
from tests.security.test_doors import UNKNOWN, every_door

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

PAGE = {
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
POLICY = {
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:",
    "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
}  # fmt: skip
BYTES = {"sandbox", "default-src 'none'", "frame-ancestors 'none'"}
SAYS_TOO_MUCH = re.compile(r"gunicorn|django|python|whitenoise|traceback", re.IGNORECASE)


def crawl(target):
    """Every page by every link, from every page we know of, and every answer that is no page."""
    house, lived = target.house, target.lived
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in lived.cookies.items())}
    seen, found = set(), []
    waiting = [
        (room.path, cookie if room.signed_in else {}) for room in lived.rooms.values() if room.is_plain
    ]
    while waiting:
        path, headers = waiting.pop()
        if path in seen or len(seen) > 400 or path.startswith("/oversee/sign-out"):
            continue
        seen.add(path)
        answer = house.request("GET", path, headers=headers)
        found.append((f"GET {path}", answer))
        if "html" in str(answer.headers["Content-Type"]):
            links = re.findall(r'(?:href|src)="(/[^"#]*)"', answer.text)
            waiting += [(link.replace("&amp;", "&"), headers) for link in links]
    for name, room in lived.rooms.items():
        body = dict(room.form) if room.form is not None else None
        asked = {**dict(room.headers), **(cookie if room.signed_in else {})}
        found.append((name, house.request(room.method, room.path, body, asked)))
    return found


def others(target, victim):
    house = target.house
    for token in (*victim.tokens.values(), UNKNOWN):
        for _, method, path, body, headers in every_door(token, victim):
            asked = {"Origin": "https://evil.example", **headers}
            yield f"{method} {path}", house.request(method, path, body, asked)
    address = people.download_links(house, target.lived.ready[0])[0]
    for asked in ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=99999999-"}, {"If-None-Match": "*"}):
        yield f"GET {address} {asked}", house.request("GET", address, headers=asked)
    yield f"HEAD {address}", house.request("HEAD", address)
    yield "OPTIONS", house.request("OPTIONS", f"{target.lived.upload}/files")
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
        yield path, house.get(path)
    for method in ("TRACE", "PROPFIND", "CONNECT", "NONSENSE"):
        yield method, house.request(method, "/")


def wrong_headers(name, answer):
    """What an answer lacks of those that every answer of its kind must have."""
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
    return (
        "/static/" in name or "favicon" in name or (same_for_all and headers["cache-control"] == "no-cache")
    )


def test_b15_e1_e8_every_answer_of_the_house_has_every_header(target, victim):
    answers = [*crawl(target), *others(target, victim)]
    assert len(answers) > 200
    assert {answer.status for _, answer in answers} >= {200, 206, 304, 403, 404, 405, 410, 416, 422}
    lacking = [line for name, answer in answers for line in wrong_headers(name, answer)]
    assert lacking == []
    assert [name for name, answer in answers if answer.status >= 500] == []


def test_https_promises_to_stay_https(make_house):
    house = make_house()
    house.env["FILSLUSS_BASE_URL"] = house.env["FILSLUSS_BASE_URL"].replace("http:", "https:")
    house.start()
    for path in ("/", "/nothing", "/healthz", f"/upload/{UNKNOWN}/files"):
        assert house.get(path).headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains"


def test_asvs_3_3_on_https_no_other_host_can_set_or_read_the_administrators_cookies(make_house):
    house = make_house()
    house.env["FILSLUSS_BASE_URL"] = house.env["FILSLUSS_BASE_URL"].replace("http:", "https:")
    house.env |= ADMINISTRATOR
    house.run("migrate")
    house.run("createsuperuser", "--noinput")
    house.start()
    cookies = set_cookies(sign_in(house))
    assert {name: value for name, (value, _) in cookies.items() if not value} == {}
    assert {name: flags for name, (_, flags) in cookies.items()} == {
        "__Host-sessionid": {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"},
        "__Host-csrftoken": {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"},
    }
    carried = {"Cookie": "; ".join(f"{name}={value}" for name, (value, _) in cookies.items())}
    assert house.request("GET", "/oversee", headers=carried).status == 200
    renamed = {"Cookie": carried["Cookie"].replace("__Host-", "")}
    assert house.request("GET", "/oversee", headers=renamed).status == 303
    for path in ("/", "/code", "/help", "/nothing", f"/download/{UNKNOWN}"):
        assert house.request("GET", path, headers=carried).headers["Set-Cookie"] is None, path


def sign_in(house):
    """The answer to a right name and password."""
    first = house.get("/oversee/sign-in")
    guard = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', first.text)[0]
    form = {"username": "eva", "password": PASSWORD, "csrfmiddlewaretoken": guard}
    cookie = str(first.headers["Set-Cookie"]).partition(";")[0]
    answer = house.request(
        "POST", "/oversee/sign-in", form, {"Cookie": cookie, "Origin": house.env["FILSLUSS_BASE_URL"]}
    )
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


def test_f8_there_is_no_door_for_whoever_mends_the_house(target):
    for path in (
        "/admin/", "/admin/login/", "/phpinfo.php", "/server-status", "/.env", "/.git/config", "/debug",
        "/__debug__/",
        "/static/../settings.py", "/static/%2e%2e/%2e%2e/secret_key", "/media/", "/data/filsluss.sqlite3",
        "/blobs/", "/console", "/actuator/env", "/demo/mail", "/wp-login.php", "/config.json", "//etc/passwd",
    ):  # fmt: skip
        answer = target.house.get(path)
        assert answer.status in (302, 404), path
        assert not SAYS_TOO_MUCH.search(answer.text)

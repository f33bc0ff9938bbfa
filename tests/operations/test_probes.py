"""Proxies and probes: which spellings of the host are answered, and what health tells to whom."""

import json

import pytest

STRANGER = {"X-Forwarded-For": "192.0.2.7"}


@pytest.fixture
def web(make_service):
    """Pages alone, at a public address whose port goes without saying."""
    service = make_service(BASE_URL="https://FTS.example.se:443/", TRUSTED_PROXIES="127.0.0.0/8")
    return service.start("web")


def ask(service, host, path="/", method="GET", **headers):
    return service.request(method, path, headers={"Host": host, **headers})


def test_every_spelling_of_the_host_is_answered_and_no_other_host(web):
    for host in ("fts.example.se", "fts.example.se:443", "FTS.EXAMPLE.SE"):
        assert ask(web, host).status == 200, host
    for host in ("evil.example", "fts.example.se:8000", "fts.example.se.evil.example", "127.0.0.1"):
        assert [ask(web, host, path).status for path in ("/", "/upload/x/files")] == [421] * 2, host


def test_a_page_at_the_name_with_a_root_dot_leads_to_the_name_without_it(web):
    """Its forms would be those of another site."""
    for host in ("fts.example.se.", "fts.example.se.:443"):
        answer = ask(web, host, "/help?lang=en")
        assert (answer.status, answer.headers["Location"]) == (302, "https://fts.example.se/help?lang=en")
    assert ask(web, "fts.example.se.", "/upload/x/files/y", method="HEAD").status == 404


def test_a_form_is_ours_with_a_port_that_goes_without_saying(web):
    own = {"Origin": "https://fts.example.se", "Sec-Fetch-Site": "same-origin"}
    assert ask(web, "fts.example.se:443", "/", "POST", **own).status == 422
    assert ask(web, "fts.example.se:443", "/", "POST", Origin="https://evil.example").status == 403


@pytest.mark.parametrize(
    "host", ["10.244.0.7:8000", "[2001:db8::7]:8000", "localhost", "filsluss", "fts.example.se:8000", "a b"]
)
def test_health_answers_whatever_the_host(web, host):
    assert ask(web, host, "/healthz").status == 200
    assert ask(web, host, "/readyz").status == 503  # there is no worker


def test_a_probe_by_head_leaves_no_line_in_the_log(web):
    for path in ("/healthz", "/readyz", "/", "/help", "/static/filsluss/site.css", "/nowhere"):
        assert ask(web, "fts.example.se", path, method="HEAD").body == b""
    assert [line for line in web.log_text().splitlines() if "event=open" not in line] == []


OTHER_PROXIES = [
    "X-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "X-Forwarded-Port",
    "X-Cluster-Client-IP",
]


@pytest.mark.parametrize("header", [*OTHER_PROXIES, "Client-IP", "X-Forwarded", "X-Envoy-External-Address"])
def test_whom_a_proxy_speaks_for_is_not_taken_for_this_machine(web, header):
    assert ask(web, "localhost", "/metrics", **{header: "192.0.2.7"}).status == 404


def test_metrics_answer_a_number_but_no_name_that_somebody_else_could_have_given_it(web):
    assert [ask(web, host, "/metrics").status for host in ("10.244.0.7:8000", "localhost")] == [200] * 2
    assert [ask(web, host, "/metrics").status for host in ("evil.example", "filsluss")] == [421] * 2


def test_what_is_wrong_is_told_to_those_who_may_read_the_metrics_and_the_status_to_others(web):
    near, far = (ask(web, "fts.example.se", "/readyz", **headers) for headers in ({}, STRANGER))
    assert (near.status, json.loads(near.text)["worker"]) == (503, "failing")
    assert (far.status, json.loads(far.text)) == (503, {"status": "failing"})

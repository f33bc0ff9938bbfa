"""The security log and request ids of a running service."""

import re

import pytest

from filsluss.origin import origin_of
from filsluss.rules.networks import Client
from tests.parts.eventually import eventually
from tests.parts.people import FORM, announce, apply
from tests.parts.storage import rows

COLUMNS = "kind, outcome, network, account, count, request_id"
ELSEWHERE = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}


def events(service):
    return rows(service, f"SELECT {COLUMNS} FROM filsluss_securityevent ORDER BY at, kind, outcome")


def totals(service):
    found = {}
    for kind, outcome, network, _, count, _ in events(service):
        found[kind, outcome, network] = found.get((kind, outcome, network), 0) + count
    return found


def test_refusals_are_counted_by_network_and_cost_few_rows(service):
    """The writer adds them every five seconds, and the rest when the process stops."""
    upload = apply(service, FORM).location
    for _ in range(50):
        assert service.request("POST", "/code", b"code=x", ELSEWHERE).status == 403
        assert service.request("POST", f"{upload}/files", b"", ELSEWHERE).status == 403
    codes = [service.post("/code", {"code": f"ABCD-EFGH-JKM{n}"}).status for n in range(2, 9)]
    assert codes == [422] * 4 + [429] * 3
    service.stop()
    assert totals(service) == {
        ("code", "forbidden", "127.0.0.1"): 50,
        ("upload", "forbidden", "127.0.0.1"): 50,
        ("code", "wrong", "127.0.0.1"): 5,
        ("code", "limited", "127.0.0.1"): 3,
    }
    assert len(events(service)) <= 4 * 3  # a few minutes, if it was slow
    lines = re.findall(r"event=\"security event\" .*kind=code outcome=forbidden .*", service.log_text())
    assert lines
    assert "127.0.0.1" not in "".join(lines)


def test_without_a_stop_they_are_written_within_seconds(service):
    service.request("POST", "/code", b"code=x", ELSEWHERE)
    eventually(lambda: events(service))


@pytest.mark.postgresql_if_full
def test_every_answer_has_an_id_of_its_own_and_a_refusal_says_it(service):
    upload = apply(service, FORM).location
    paths = ["/", "/help", "/nothing/here", f"{upload}/files", "/healthz", "/upload/" + "A" * 43]
    ids = [service.get(path).headers["X-Request-ID"] for path in paths]
    assert len(set(ids)) == len(paths)
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in ids)
    refused = service.request("PATCH", f"{upload}/files/x", b"", {"Tus-Resumable": "1.0.0"})
    assert f'"request_id": "{refused.headers["X-Request-ID"]}"' in refused.text


@pytest.mark.postgresql_if_full
def test_a_client_names_no_request(service):
    mine = "a-name-of-my-own"
    answer = service.get("/help", X_Request_ID=mine)
    assert answer.headers["X-Request-ID"] != mine


@pytest.mark.parametrize(
    ("named", "is_taken"),
    [
        ("b7a3.C_9-x", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("a b", False),
        ('a"b', False),
        ("räv".encode().decode("latin-1"), False),
        ("", False),
    ],
)
def test_a_trusted_proxy_names_it_if_the_name_is_sound(named, is_taken):
    origin = origin_of(Client("192.0.2.7", may_be_inside=False), request_id=named)
    assert (origin.request_id == named) is is_taken


@pytest.mark.postgresql_if_full
def test_behind_a_trusted_proxy_log_trail_and_answer_share_its_id(make_service):
    service = make_service(TRUSTED_PROXIES="127.0.0.1", INSIDE_NETWORKS="192.0.2.0/24").start()
    named = {"X-Request-ID": "from-the-proxy-1", "X-Forwarded-For": "192.0.2.7"}
    answer = service.request("POST", "/", FORM, named)
    assert (answer.status, answer.headers["X-Request-ID"]) == (303, "from-the-proxy-1")
    made = announce(service, answer.location, 5)
    assert made.status == 201
    entry = rows(service, "SELECT step, network, request_id, proof FROM filsluss_auditentry ORDER BY id")
    assert entry == [
        ("applied", "192.0.2.7", "from-the-proxy-1", "network"),
        ("approved", "", "", ""),
    ]
    (line,) = [line for line in service.log_text().splitlines() if "event=applied" in line]
    assert line.endswith("request=from-the-proxy-1")

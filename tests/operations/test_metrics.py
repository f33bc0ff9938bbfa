"""Metrics, readiness and the log of a service, and that none holds a secret."""

import re
import socket

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.operations.test_logs import read
from tests.parts import people
from tests.parts.eventually import eventually
from tests.parts.invariants import Acknowledged, check_invariants, wait_until_idle
from tests.parts.people import ANNA, BO, FROM_OUTSIDE, path_of


def figures(text):
    """Every sample by name and labels, those of the process without its number."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(value for name, value in sorted(sample.labels.items()) if name != "process")
            found[sample.name, *labels] = sample.value
    return found


def secrets_of(mail_server):
    """Every token and code that any letter held."""
    texts = [letter.text for letter in mail_server.letters]
    tokens = {
        path_of(link).split("/")[2]
        for letter in mail_server.letters
        for link in letter.links()
        if path_of(link).count("/") > 1
    }
    codes = {code for text in texts for code in re.findall(r"\b(?:[2-9A-Z]{4}-){2}[2-9A-Z]{4}\b", text)}
    assert len(tokens) == 4  # to decide, to follow, to upload, to download
    assert len(codes) == 1
    return [*tokens, *codes, *(code.replace("-", "") for code in codes)]


def raw(service, request: bytes) -> None:
    """Sends something that no browser would, and reads the response."""
    with socket.create_connection(("127.0.0.1", service.port), 10) as connection:
        connection.sendall(request)
        connection.settimeout(10)
        try:
            while connection.recv(4096):
                pass
        except TimeoutError:
            pass


def run_a_whole_transfer(service, mail_server):
    """Both ways, with a code, a wrong code, a refusal, a removal, and requests that are none."""
    people.apply(service, FROM_OUTSIDE)
    people.approve(service, mail_server.one("approval-requested", to=ANNA))
    upload = path_of(mail_server.one("approved", to=BO).links("upload")[0])
    people.send_tus(service, upload, b"ritning", filename="ritning.pdf", with_code="1")
    letter = mail_server.one("file-ready", to=ANNA)
    (code,) = re.findall(r"\b(?:[2-9A-Z]{4}-){2}[2-9A-Z]{4}\b", letter.text)
    assert service.post("/code", {"code": code}).status == 303
    assert service.post("/code", {"code": "AAAA-AAAA-AAAA"}).status == 422
    assert people.fetch(service, letter).body == b"ritning"
    people.receipt(service, mail_server, to=BO)
    token = upload.split("/")[2]
    raw(service, f"GET /upload/{token}/%0d%0a%1b[31m HTTP/9.9\r\nHost: x\r\n\r\n".encode())
    raw(
        service,
        f"GET /upload/{token} HTTP/1.1\r\nHost: a\r\nHost: b\r\nUser-Agent: \x1b[31m\r\n\r\n".encode(),
    )
    raw(service, f"GET/upload/{token} HTTP/1.1\r\n\r\n".encode())  # gunicorn logs it
    both = "Content-Length: 9\r\nTransfer-Encoding: chunked"
    raw(service, f"PATCH /upload/{token}/files/x HTTP/1.1\r\n{both}\r\n\r\n".encode())
    assert service.get(f"/decide/{token}").status == 404
    return upload


def test_neither_log_nor_metrics_hold_a_secret_and_both_show_what_happened(service, mail_server):
    upload = run_a_whole_transfer(service, mail_server)
    wait_until_idle(service)
    # The receipt was awaited by a worker whose clock is ahead: the service's own must have beaten since.
    eventually(lambda: figures(service.get("/metrics").text)["filsluss_worker_heartbeat_age_seconds",] >= 0)
    text = service.get("/metrics").text
    acknowledged = Acknowledged(mail_server=mail_server, secrets=[])
    secrets = [*secrets_of(mail_server), upload.split("/")[2]]
    assert [secret for secret in secrets if secret in service.log_text() + text] == []
    assert "/upload/***" in service.log_text()
    lines = [read(line) for line in service.log_text().splitlines() if not line.startswith("Filsluss")]
    steps = [line["event"] for line in lines if line["from"] == "filsluss.actions.transitions"]
    assert steps == ["applied", "approved", "ready", "fetched"]
    assert len([line for line in lines if line["event"] == "letter sent"]) == len(mail_server.letters)
    assert {ANNA, BO, "ritning.pdf"} & {value for line in lines for value in line.values()} == set()
    check_invariants(service, acknowledged)

    found = figures(text)
    assert found["filsluss_transfers", "open"] == 1
    assert found["filsluss_files", "ready"] == 1
    assert found["filsluss_stored_bytes",] == len(b"ritning")
    assert found["filsluss_letters", "sent"] == len(mail_server.letters)
    assert found["filsluss_letters", "queued"] == found["filsluss_oldest_queued_letter_seconds",] == 0
    assert found["filsluss_database_up",] == 1
    assert (
        found["filsluss_alarm", "disk"]
        == found["filsluss_moving", "in"]
        == found["filsluss_moving", "out"]
        == 0
    )
    assert found["filsluss_requests_total", "code", "3xx"] == 1
    assert found["filsluss_requests_total", "code", "4xx"] == 1
    assert found["filsluss_requests_total", "decide", "4xx"] == 1
    assert 0 <= found["filsluss_worker_heartbeat_age_seconds",] < 60
    assert 0 < found["filsluss_free_bytes",] < found["filsluss_space_bytes",]


FORWARDED = [
    ({}, 200),
    ({"X-Forwarded-For": "10.1.2.3"}, 200),
    ({"X-Forwarded-For": "10.2.2.3"}, 404),
    ({"X-Forwarded-For": "10.1.2.3, 10.2.2.3"}, 404),
    ({"X-Forwarded-For": "127.0.0.1"}, 404),
    ({"X-Real-IP": "10.2.2.3"}, 404),
    ({"Forwarded": "for=10.1.2.3"}, 404),
]


@pytest.mark.postgresql_if_full
def test_only_this_machine_and_the_named_networks_may_read_the_metrics(make_service):
    service = make_service(TRUSTED_PROXIES="127.0.0.0/8", METRICS_NETWORKS="10.1.0.0/16")
    service.start("web")
    answered = [service.request("GET", "/metrics", headers=headers).status for headers, _ in FORWARDED]
    assert answered == [status for _, status in FORWARDED]
    stranger = {"X-Forwarded-For": "10.2.2.3"}
    refused, no_page = (
        service.request("GET", path, headers=stranger).text for path in ("/metrics", "/nowhere")
    )
    assert refused == no_page.replace("/nowhere", "/metrics")
    assert service.post("/metrics").status == 405


@pytest.mark.postgresql_if_full
def test_without_networks_a_forwarded_request_never_reads_the_metrics(make_service):
    service = make_service()
    service.start("web")
    assert service.get("/metrics").status == 200
    assert service.get("/metrics", X_Forwarded_For="127.0.0.1").status == 404


@pytest.mark.postgresql_if_full
def test_readiness_names_a_disk_that_is_full(make_service):
    service = make_service(FREE_SPACE="99.999%").start()
    ready = service.get("/readyz")
    assert (ready.status, '"disk": "failing"' in ready.text) == (503, True)

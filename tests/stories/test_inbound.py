"""From outside to inside: the recipient decides, once, within a week."""

from datetime import datetime, timedelta

import pytest

from tests.parts.people import (
    ANNA,
    BO,
    FROM_OUTSIDE,
    apply,
    approve,
    fetch,
    path_of,
    receipt,
    reject,
    send_tus,
)


def test_anna_approves_bo_uploads_and_anna_fetches(service, mail_server):
    answer = apply(service, FROM_OUTSIDE)
    assert answer.location.startswith("/status/")
    received = mail_server.one("received", to=BO)
    assert FROM_OUTSIDE["purpose"] not in received.text
    request = mail_server.one("approval-requested", to=ANNA)
    assert FROM_OUTSIDE["purpose"] in request.text

    approve(service, request, days=3)
    approved = mail_server.one("approved", to=BO)
    (upload,) = approved.links("upload")
    assert send_tus(service, path_of(upload), b"offert", filename="offert.pdf").status == 204
    assert fetch(service, mail_server.one("file-ready", to=ANNA)).body == b"offert"
    receipt(service, mail_server, to=BO)
    assert len(mail_server.letters) == 5


def test_anna_rejects_with_a_reason_that_bo_is_told(service, mail_server):
    apply(service, FROM_OUTSIDE)
    reject(service, mail_server.one("approval-requested"), "Skicka hellre via upphandlingsportalen.")
    letter = mail_server.one("rejected", to=BO)
    assert "Skicka hellre via upphandlingsportalen." in letter.text


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize(
    "form",
    [
        {},
        {"decision": "approve"},
        {"decision": "approve", "days": "0"},
        {"decision": "approve", "days": "31"},
        {"decision": "approve", "days": "-1"},
        {"decision": "approve", "days": "1e9"},
        {"decision": "approve", "days": "٣"},
        {"decision": "approve", "days": "3", "rejection_reason": "bra"},
        {"decision": "reject"},
        {"decision": "reject", "rejection_reason": "   "},
        {"decision": "reject", "rejection_reason": "x" * 501},
        {"decision": "reject", "rejection_reason": "nej", "days": "3"},
        {"decision": "both", "days": "3"},
    ],
)
def test_a_decision_that_is_not_one_decides_nothing(service, mail_server, form):
    apply(service, FROM_OUTSIDE)
    (link,) = mail_server.one("approval-requested").links("decide")
    assert service.post(path_of(link), form).status == 422
    approve(service, mail_server.one("approval-requested"))


def test_opening_a_mailed_link_changes_nothing(service, mail_server):
    apply(service, FROM_OUTSIDE)
    letter = mail_server.one("approval-requested")
    before = service.run("list").stdout
    for link in letter.links():
        for method in ("GET", "HEAD", "OPTIONS", "GET"):
            service.request(method, path_of(link))
    assert service.run("list").stdout == before
    approve(service, letter)


def test_whoever_decides_second_is_told_what_was_decided(service, mail_server):
    apply(service, FROM_OUTSIDE)
    letter = mail_server.one("approval-requested")
    approve(service, letter)
    (link,) = letter.links("decide")
    for answer in (
        service.post(path_of(link), {"decision": "reject", "rejection_reason": "nej"}),
        service.get(path_of(link)),
    ):
        assert answer.status == 410
        assert "godkändes" in answer.text or "godkänd" in answer.text
        assert ANNA not in answer.text
    assert service.get(path_of(link), Accept_Language="en").status == 410
    assert len(mail_server.of("rejected")) == 0


def test_silence_for_a_week_lapses_and_both_are_told(service, mail_server):
    apply(service, FROM_OUTSIDE)
    letter = mail_server.one("approval-requested")
    later = datetime.now().astimezone() + timedelta(days=9)
    service.run_worker(at=later)
    assert {tuple(each.to) for each in mail_server.wait_for("lapsed", count=2)} == {(BO,), (ANNA,)}
    (link,) = letter.links("decide")
    assert service.post(path_of(link), {"decision": "approve", "days": "3"}).status == 410
    service.run_worker(at=later)
    assert len(mail_server.of("lapsed")) == 2

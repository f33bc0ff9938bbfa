"""From outside to inside: the recipient decides, once, within a week."""

from datetime import datetime, timedelta

import pytest

from tests.parts.people import ANNA, BO, FROM_OUTSIDE, apply, approve, fetch, path_of, reject, send_tus


def test_anna_approves_bo_uploads_and_anna_fetches(house, post):
    answer = apply(house, FROM_OUTSIDE)
    assert answer.location.startswith("/status/")
    received = post.one("received", to=BO)
    assert FROM_OUTSIDE["purpose"] not in received.text
    request = post.one("approval-requested", to=ANNA)
    assert FROM_OUTSIDE["purpose"] in request.text

    approve(house, request, days=3)
    approved = post.one("approved", to=BO)
    (upload,) = approved.links("upload")
    assert send_tus(house, path_of(upload), b"offert", filename="offert.pdf").status == 204
    assert fetch(house, post.one("file-ready", to=ANNA)).body == b"offert"
    post.one("file-downloaded", to=BO)
    assert len(post.letters) == 5


def test_anna_rejects_with_a_reason_that_bo_is_told(house, post):
    apply(house, FROM_OUTSIDE)
    reject(house, post.one("approval-requested"), "Skicka hellre via upphandlingsportalen.")
    letter = post.one("rejected", to=BO)
    assert "Skicka hellre via upphandlingsportalen." in letter.text


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
def test_a_decision_that_is_not_one_decides_nothing(house, post, form):
    apply(house, FROM_OUTSIDE)
    (link,) = post.one("approval-requested").links("decide")
    assert house.post(path_of(link), form).status == 422
    approve(house, post.one("approval-requested"))


def test_opening_a_mailed_link_changes_nothing(house, post):
    apply(house, FROM_OUTSIDE)
    letter = post.one("approval-requested")
    before = house.run("list").stdout
    for link in letter.links():
        for method in ("GET", "HEAD", "OPTIONS", "GET"):
            house.request(method, path_of(link))
    assert house.run("list").stdout == before
    approve(house, letter)


def test_whoever_decides_second_is_told_what_was_decided(house, post):
    apply(house, FROM_OUTSIDE)
    letter = post.one("approval-requested")
    approve(house, letter)
    (link,) = letter.links("decide")
    for answer in (
        house.post(path_of(link), {"decision": "reject", "rejection_reason": "nej"}),
        house.get(path_of(link)),
    ):
        assert answer.status == 410
        assert "godkändes" in answer.text or "godkänd" in answer.text
        assert ANNA not in answer.text
    assert house.get(path_of(link), Accept_Language="en").status == 410
    assert len(post.of("rejected")) == 0


def test_silence_for_a_week_lapses_and_both_are_told(house, post):
    apply(house, FROM_OUTSIDE)
    letter = post.one("approval-requested")
    later = datetime.now().astimezone() + timedelta(days=9)
    house.work(at=later)
    assert {tuple(told.to) for told in post.wait_for("lapsed", count=2)} == {(BO,), (ANNA,)}
    (link,) = letter.links("decide")
    assert house.post(path_of(link), {"decision": "approve", "days": "3"}).status == 410
    house.work(at=later)
    assert len(post.of("lapsed")) == 2

"""From outside to outside: a contact person on the inside answers for it."""

import pytest

from tests.parts.people import (
    ANNA,
    BO,
    EVA,
    KARIN,
    THROUGH,
    apply,
    approve,
    fetch,
    path_of,
    reject,
    send_tus,
)  # fmt: skip


def test_karin_answers_for_it_and_eva_gets_the_file(house, post):
    apply(house, THROUGH)
    request = post.one("approval-requested", to=KARIN)
    assert BO in request.text
    assert EVA in request.text
    assert post.of(to=EVA) == []
    approve(house, request)
    (upload,) = post.one("approved", to=BO).links("upload")
    send_tus(house, path_of(upload), b"modell")
    assert fetch(house, post.one("file-ready", to=EVA)).body == b"modell"
    assert [letter.kind for letter in post.of(to=KARIN)] == ["approval-requested"]


def test_karin_rejects_and_only_bo_is_told(house, post):
    apply(house, THROUGH)
    reject(house, post.one("approval-requested"), "Jag känner inte till uppdraget.")
    assert "Jag känner inte till uppdraget." in post.one("rejected", to=BO).text
    assert post.of(to=EVA) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"recipient_outside": ""}, "recipient_outside"),
        ({"approver_email": ""}, "approver_email"),
        ({"approver_email": "karin@annan.example"}, "approver_email"),
        ({"approver_email": "karin@ltdalarna.se.evil.example"}, "approver_email"),
        ({"approver_email": '"karin@evil.example"@ltdalarna.se'}, "approver_email"),
        ({"approver_email": "bo@rontgen.example"}, "approver_email"),
    ],
)
def test_without_somebody_inside_to_answer_for_it_nothing_is_taken(house, post, changes, field):
    answer = house.post("/", {**THROUGH, **changes})
    assert answer.status == 422
    assert f'href="#{field}"' in answer.text or f'href="#id_{field}"' in answer.text
    assert house.run("list").stdout == ""
    assert post.letters == []


def test_nobody_can_name_himself_as_the_contact(house):
    answer = house.post("/", {**THROUGH, "recipient_email": "bo+x@rontgen.example"})
    assert answer.status == 422
    assert ANNA not in answer.text

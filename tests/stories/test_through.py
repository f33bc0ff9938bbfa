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
)


def test_karin_answers_for_it_and_eva_gets_the_file(service, mail_server):
    apply(service, THROUGH)
    request = mail_server.one("approval-requested", to=KARIN)
    assert BO in request.text
    assert EVA in request.text
    assert mail_server.of(to=EVA) == []
    approve(service, request)
    (upload,) = mail_server.one("approved", to=BO).links("upload")
    send_tus(service, path_of(upload), b"modell")
    assert fetch(service, mail_server.one("file-ready", to=EVA)).body == b"modell"
    assert [letter.kind for letter in mail_server.of(to=KARIN)] == ["approval-requested"]


def test_karin_rejects_and_only_bo_is_told(service, mail_server):
    apply(service, THROUGH)
    reject(service, mail_server.one("approval-requested"), "Jag känner inte till uppdraget.")
    assert "Jag känner inte till uppdraget." in mail_server.one("rejected", to=BO).text
    assert mail_server.of(to=EVA) == []


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
def test_without_somebody_inside_to_answer_for_it_nothing_is_taken(service, mail_server, changes, field):
    answer = service.post("/", {**THROUGH, **changes})
    assert answer.status == 422
    assert f'href="#{field}"' in answer.text or f'href="#id_{field}"' in answer.text
    assert service.run("list").stdout == ""
    assert mail_server.letters == []


def test_nobody_can_name_themselves_as_the_contact(service):
    answer = service.post("/", {**THROUGH, "recipient_email": "bo+x@rontgen.example"})
    assert answer.status == 422
    assert ANNA not in answer.text

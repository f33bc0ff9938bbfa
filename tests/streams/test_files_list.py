"""The list of a transfer's files: what was sent comes back as it was, and only what changed is sent again."""

import json
from datetime import timedelta
from urllib.parse import quote

import pytest

from filsluss.models import Letter, Pickup, TransferFile
from filsluss.rules.directions import Role
from filsluss.streams.files_api import may_differ
from tests.letters.cases import Case
from tests.parts.eventually import eventually
from tests.parts.people import BO, FORM, announce, apply, send_tus


def listed(service, account, after=""):
    answer = service.get(f"{account}/files" + (f"?after={quote(after)}" if after else ""))
    assert answer.status == 200, answer.text
    return json.loads(answer.text)


def test_names_and_folders_come_back_as_they_were_sent(shared_service, account):
    announce(shared_service, account, 5, filename="två  blanka?.txt", folder="../Mapp\u202e\\ett?")
    (file,) = listed(shared_service, account)["files"]
    assert (file["name"], file["folder"]) == ("två blanka_.txt", "Mapp/ett_")
    assert (file["sent_name"], file["sent_folder"]) == ("två  blanka?.txt", "../Mapp\u202e\\ett?")


def test_a_folder_that_is_no_text_is_no_fault(shared_service, account):
    about = {"Tus-Resumable": "1.0.0", "Upload-Length": "5", "Upload-Metadata": "filename YQ==,folder /w=="}
    assert shared_service.request("POST", f"{account}/files", b"", about).status == 201
    assert listed(shared_service, account)["files"][0]["name"] == "a"


@pytest.mark.parametrize(
    "after", ["x", "2026-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "\0", "1" * 500]
)
def test_a_moment_that_is_none_or_far_away_is_no_fault(shared_service, account, after):
    announce(shared_service, account, 5)
    assert len(listed(shared_service, account, after)["files"]) == 1


@pytest.mark.parametrize("rows", ["x", "\0", "K7PM-4QXD", "," * 500])
def test_rows_that_are_none_are_no_fault(shared_service, account, rows):
    announce(shared_service, account, 5)
    page = shared_service.get(f"{account}?rows={quote(rows)}")
    assert page.status == 200
    assert "data-file=" not in page.text


def test_the_page_shows_the_rows_that_are_asked_for(shared_service, account):
    for name in ("a.bin", "b.bin", "c.bin"):
        announce(shared_service, account, 5, filename=name)
    ids = [file["public_id"] for file in listed(shared_service, account)["files"]]
    page = shared_service.get(f"{account}?rows={ids[0]},{ids[2]}").text
    assert [public_id in page for public_id in ids] == [True, False, True]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("model", "column"),
    [
        (TransferFile, "active_at"),
        (TransferFile, "erased_at"),
        (Pickup, "fetched_at"),
        (Pickup, "partly_at"),
        (Letter, "sent_at"),
    ],
)
def test_after_whatever_can_still_happen_to_it_a_file_is_listed_again(now, model, column):
    before = now - timedelta(hours=2)
    state = "erased" if column == "erased_at" else "ready"
    Case("file-ready", Role.RECIPIENT, file={"state": state}).write("sv", before)
    Letter.objects.update(delivery="sent", sent_at=before)

    def is_listed():
        return may_differ(TransferFile.objects.get(), Letter.objects.get(), now - timedelta(hours=1))

    assert not is_listed()
    model.objects.update(**{column: now})
    assert is_listed()


def test_a_file_that_does_not_change_any_more_is_left_out(service, mail_server):
    account = apply(service, FORM).location
    for number in range(3):
        send_tus(service, account, b"hej", filename=f"{number}.txt")
    mail_server.wait_for("file-ready", to=BO, count=3)
    eventually(
        lambda: {file["letter"] for file in listed(service, account)["files"]},
        lambda found: found == {"sent"},
    )
    whole = listed(service, account)
    assert len(listed(service, account, whole["at"])["files"]) == 3  # as long as a stamp may be late
    later = whole["at"].replace(whole["at"][:4], str(int(whole["at"][:4]) + 1), 1)
    assert listed(service, account, later)["files"] == []
    announce(service, account, 5, filename="ny.bin")
    (new,) = listed(service, account, later)["files"]
    assert new["name"] == "ny.bin"
    service.request("DELETE", f"{account}/files/{whole['files'][0]['id']}", None, {"Tus-Resumable": "1.0.0"})
    names = {file["name"] for file in listed(service, account, whole["at"])["files"]}
    assert {"ny.bin", "0.txt"} <= names

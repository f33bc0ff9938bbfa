"""Expiry: at the end every link is refused, the bytes are erased, and only then are people told."""

from datetime import datetime, timedelta

from tests.parts.people import (
    ANNA,
    BO,
    EVA,
    FORM,
    FROM_OUTSIDE,
    KARIN,
    THROUGH,
    announce,
    append,
    apply,
    approve,
    download_links,
    path_of,
    send_tus,
)


def blobs(service):
    return [path.name for path in (service.data_dir / "blobs").glob("*.d/*")]


def test_after_the_last_day_files_are_erased_and_sender_and_recipient_are_told(service, mail_server):
    upload = apply(service, FORM, days="1").location
    send_tus(service, upload, b"x" * 1000, filename="a.pdf", with_code="1")
    letter = mail_server.one("file-ready")
    address = download_links(service, letter)[0]
    assert len(blobs(service)) == 1

    service.run_worker(at=datetime.now().astimezone() + timedelta(days=3))
    letters = mail_server.wait_for("erased", count=2)
    assert {tuple(each.to) for each in letters} == {(ANNA,), (BO,)}
    assert all("a.pdf" in each.text for each in letters)
    assert blobs(service) == []
    for path in (address, path_of(letter.links("download")[0]), upload):
        assert service.get(path).status == 410
    assert announce(service, upload, 5).status == 410


def test_on_the_way_through_the_contact_is_told_too(service, mail_server):
    apply(service, THROUGH)
    approve(service, mail_server.one("approval-requested"), days=1)
    (upload,) = mail_server.one("approved").links("upload")
    send_tus(service, path_of(upload), b"x")
    mail_server.one("file-ready")
    service.run_worker(at=datetime.now().astimezone() + timedelta(days=3))
    assert {each.to[0] for each in mail_server.wait_for("erased", count=3)} == {BO, EVA, KARIN}


def test_on_the_way_in_whoever_is_recipient_and_approver_gets_one_letter(service, mail_server):
    apply(service, FROM_OUTSIDE)
    approve(service, mail_server.one("approval-requested"), days=1)
    (upload,) = mail_server.one("approved").links("upload")
    send_tus(service, path_of(upload), b"x")
    mail_server.one("file-ready")
    service.run_worker(at=datetime.now().astimezone() + timedelta(days=3))
    assert sorted(each.to[0] for each in mail_server.wait_for("erased", count=2)) == sorted([ANNA, BO])


def test_at_the_end_links_are_refused_before_the_worker_has_run(make_service, mail_server):
    service = make_service().start()
    upload = apply(service, FORM, days="1").location
    created = announce(service, upload, 10)
    append(service, created.location, 0, b"12345")
    send_tus(service, upload, b"hej", filename="a.txt")
    address = download_links(service, mail_server.one("file-ready"))[0]
    service.stop()
    service.start("web", at=datetime.now().astimezone() + timedelta(days=3))
    assert service.get(address).status == 410
    assert service.get(upload).status == 410
    assert append(service, created.location, 5, b"67890").status == 410
    assert announce(service, upload, 5).status == 410
    assert len(blobs(service)) == 2


def test_the_administrator_removes_a_file_and_the_parties_are_told_why(service, mail_server):
    upload = apply(service, FORM).location
    send_tus(service, upload, b"x" * 10, filename="virus.exe")
    letter = mail_server.one("file-ready")
    address = download_links(service, letter)[0]
    shown = service.run("show", letter.transfer).stdout
    (public_id,) = [line.split()[1] for line in shown.splitlines() if line.startswith("file ")]
    service.run("remove", public_id, "--reason", "Säkerhetsrisk: filen innehöll skadlig kod.")
    assert service.get(address).status == 410
    letters = mail_server.wait_for("file-removed", count=2)
    assert {tuple(each.to) for each in letters} == {(ANNA,), (BO,)}
    assert all("Säkerhetsrisk: filen innehöll skadlig kod." in each.text for each in letters)
    assert blobs(service) == []
    assert "file-removed" in service.run("show", letter.transfer).stdout
    again = service.run("remove", public_id, "--reason", "igen", check=False)
    assert (again.returncode, again.stdout) == (1, "")


def test_the_administrator_closes_an_account_before_its_time(service, mail_server):
    upload = apply(service, FORM).location
    send_tus(service, upload, b"x")
    letter = mail_server.one("file-ready")
    service.run("close", letter.transfer, "--reason", "Missbruk av tjänsten.")
    letters = mail_server.wait_for("erased", count=2)
    assert all("Missbruk av tjänsten." in each.text for each in letters)
    assert service.get(upload).status == 410


def test_the_sender_takes_a_file_back(service, mail_server):
    upload = apply(service, FORM).location
    where = announce(service, upload, 3, filename="fel.txt").location
    append(service, where, 0, b"fel")
    address = download_links(service, mail_server.one("file-ready"))[0]
    assert service.request("DELETE", where, headers={"Tus-Resumable": "1.0.0"}).status == 204
    assert service.get(address).status == 410
    assert {tuple(each.to) for each in mail_server.wait_for("file-removed", count=2)} == {(ANNA,), (BO,)}

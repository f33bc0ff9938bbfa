"""The end: when the time is out every door is shut, the bytes are erased, and only then are people told."""

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
)  # fmt: skip


def blobs(house):
    return [path.name for path in (house.data_dir / "blobs").glob("*.d/*")]


def test_after_the_last_day_files_are_erased_and_sender_and_recipient_are_told(house, post):
    upload = apply(house, FORM, days="1").location
    send_tus(house, upload, b"x" * 1000, filename="a.pdf", with_code="1")
    letter = post.one("file-ready")
    address = download_links(house, letter)[0]
    assert len(blobs(house)) == 1

    house.work(at=datetime.now().astimezone() + timedelta(days=3))
    told = post.wait_for("erased", count=2)
    assert {tuple(each.to) for each in told} == {(ANNA,), (BO,)}
    assert all("a.pdf" in each.text for each in told)
    assert blobs(house) == []
    for path in (address, path_of(letter.links("download")[0]), upload):
        assert house.get(path).status == 410
    assert announce(house, upload, 5).status == 410


def test_on_the_way_through_the_contact_is_told_too(house, post):
    apply(house, THROUGH)
    approve(house, post.one("approval-requested"), days=1)
    (upload,) = post.one("approved").links("upload")
    send_tus(house, path_of(upload), b"x")
    post.one("file-ready")
    house.work(at=datetime.now().astimezone() + timedelta(days=3))
    assert {each.to[0] for each in post.wait_for("erased", count=3)} == {BO, EVA, KARIN}


def test_on_the_way_in_whoever_is_recipient_and_approver_gets_one_letter(house, post):
    apply(house, FROM_OUTSIDE)
    approve(house, post.one("approval-requested"), days=1)
    (upload,) = post.one("approved").links("upload")
    send_tus(house, path_of(upload), b"x")
    post.one("file-ready")
    house.work(at=datetime.now().astimezone() + timedelta(days=3))
    assert sorted(each.to[0] for each in post.wait_for("erased", count=2)) == sorted([ANNA, BO])


def test_at_the_end_the_doors_shut_without_a_sweep(make_house, post):
    house = make_house().start()
    upload = apply(house, FORM, days="1").location
    created = announce(house, upload, 10)
    append(house, created.location, 0, b"12345")
    send_tus(house, upload, b"hej", filename="a.txt")
    address = download_links(house, post.one("file-ready"))[0]
    house.stop()
    house.start("web", at=datetime.now().astimezone() + timedelta(days=3))
    assert house.get(address).status == 410
    assert house.get(upload).status == 410
    assert append(house, created.location, 5, b"67890").status == 410
    assert announce(house, upload, 5).status == 410
    assert len(blobs(house)) == 2


def test_the_administrator_removes_a_file_and_the_parties_are_told_why(house, post):
    upload = apply(house, FORM).location
    send_tus(house, upload, b"x" * 10, filename="virus.exe")
    letter = post.one("file-ready")
    address = download_links(house, letter)[0]
    shown = house.run("show", letter.transfer).stdout
    (public_id,) = [line.split()[1] for line in shown.splitlines() if line.startswith("file ")]
    house.run("remove", public_id, "--reason", "Säkerhetsrisk: filen innehöll skadlig kod.")
    assert house.get(address).status == 410
    told = post.wait_for("file-removed", count=2)
    assert {tuple(each.to) for each in told} == {(ANNA,), (BO,)}
    assert all("Säkerhetsrisk: filen innehöll skadlig kod." in each.text for each in told)
    assert blobs(house) == []
    assert "file-removed" in house.run("show", letter.transfer).stdout
    again = house.run("remove", public_id, "--reason", "igen", check=False)
    assert (again.returncode, again.stdout) == (1, "")


def test_the_administrator_closes_an_account_before_its_time(house, post):
    upload = apply(house, FORM).location
    send_tus(house, upload, b"x")
    letter = post.one("file-ready")
    house.run("close", letter.transfer, "--reason", "Missbruk av tjänsten.")
    told = post.wait_for("erased", count=2)
    assert all("Missbruk av tjänsten." in each.text for each in told)
    assert house.get(upload).status == 410


def test_the_sender_takes_a_file_back(house, post):
    upload = apply(house, FORM).location
    where = announce(house, upload, 3, filename="fel.txt").location
    append(house, where, 0, b"fel")
    address = download_links(house, post.one("file-ready"))[0]
    assert house.request("DELETE", where, headers={"Tus-Resumable": "1.0.0"}).status == 204
    assert house.get(address).status == 410
    assert {tuple(each.to) for each in post.wait_for("file-removed", count=2)} == {(ANNA,), (BO,)}

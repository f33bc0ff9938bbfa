"""Download everything: one ZIP64 stream whose length is known before its first byte."""

import io
import os
import re
import subprocess
import zipfile

import pytest
from django.conf import settings
from django.utils import timezone

from filsluss.blobs import open_store
from filsluss.models import Link
from tests.model.wsgi_client import ask
from tests.pages.cases import open_transfer, ready_file
from tests.parts import tokens
from tests.parts.eventually import eventually
from tests.parts.people import BO, FORM, apply, path_of, send_form, send_tus
from tests.parts.raw_http import RawConnection
from tests.streams.test_connection import MIB, listed


def await_files(service, account, count):
    return eventually(
        lambda: listed(service, account),
        lambda files: [file["state"] for file in files if file["state"] != "erased"] == ["ready"] * count,
        seconds=90,
    )


def await_fetched(service, account, *names):
    """Until those files, and no others, count as fetched."""
    eventually(
        lambda: {file["name"] for file in listed(service, account) if file["fetched_at"]},
        lambda found: found == {*names},
    )


@pytest.mark.django_db(transaction=True)  # the byte paths close the connection
def test_a_file_whose_link_was_revoked_is_not_in_it():
    transfer = open_transfer()
    file, other = (ready_file(transfer, name) for name in ("ett.txt", "två.txt"))
    for each in (file, other):
        with open_store(settings.BLOB_URL).writer(each.blob):
            pass
    token = tokens.of_file(file, settings.POLICY.link_keys)

    def names():
        answer = ask("GET", f"/zip/{token}/{transfer.public_id}.zip")
        return zipfile.ZipFile(io.BytesIO(answer.body)).namelist()

    assert names() == ["ett.txt", "två.txt"]
    Link.objects.filter(file=other).update(revoked_at=timezone.now())
    assert names() == ["ett.txt"]


class TestEverything:
    @pytest.fixture
    def prepared(self, service, mail_server):
        """A service, an account with three ready files, and where their letters lead."""
        account = apply(service, FORM).location
        self.contents = {
            "Årsmöte räksmörgås.pdf": os.urandom(2 * MIB + 3),
            "tom.txt": b"",
            "日本.txt": b"hej",
        }
        for name, data in self.contents.items():
            send_tus(service, account, data, filename=name) if data else send_form(
                service, account, {name: data}
            )
        await_files(service, account, 3)
        (link,) = mail_server.wait_for("file-ready", to=BO, count=3)[0].links("download")
        return service, account, path_of(link)

    def address(self, service, page):
        (found,) = re.findall(r'href="(/zip/[A-Za-z0-9_-]{43}/[A-Z0-9-]{9}\.zip)"', service.get(page).text)
        return found

    def test_it_holds_every_ready_file_under_its_name(self, prepared, tmp_path):
        service, _, page = prepared
        address = self.address(service, page)
        head = service.request("HEAD", address)
        answer = service.get(address)
        assert (answer.status, head.status, head.body) == (200, 200, b"")
        assert answer.headers["Content-Length"] == head.headers["Content-Length"] == str(len(answer.body))
        assert answer.headers["Content-Type"] == "application/zip"
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="')
        archive = zipfile.ZipFile(io.BytesIO(answer.body))
        assert {name: archive.read(name) for name in archive.namelist()} == self.contents
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        kept = tmp_path / "allt.zip"
        kept.write_bytes(answer.body)
        assert b"No errors" in subprocess.run(["unzip", "-t", kept], capture_output=True, check=True).stdout

    def test_every_file_that_was_sent_whole_counts_as_fetched(self, prepared, mail_server):
        service, account, page = prepared
        address = self.address(service, page)
        service.request("HEAD", address)
        assert [file["fetched_at"] for file in listed(service, account)] == [None] * 3
        service.get(address)
        await_fetched(service, account, *(file["name"] for file in listed(service, account)))

    def test_a_file_that_was_cut_off_was_not_fetched(self, service, mail_server):
        account = apply(service, FORM).location
        send_tus(service, account, b"liten", filename="a.txt")
        send_tus(service, account, os.urandom(24 * MIB), filename="b.bin")
        await_files(service, account, 2)
        (link,) = mail_server.wait_for("file-ready", to=BO, count=2)[0].links("download")
        address = self.address(service, path_of(link))
        with RawConnection(service) as connection:
            connection.sock.setsockopt(1, 8, 1 << 16)
            connection.send_request("GET", address)
            got = 0
            while got < MIB:  # well into the second file
                got += len(connection.sock.recv(1 << 16))
            connection.reset()
        await_fetched(service, account, "a.txt")

    def test_a_file_that_was_removed_is_not_in_it(self, prepared):
        service, account, page = prepared
        address = self.address(service, page)
        gone = next(file for file in listed(service, account) if file["name"] == "日本.txt")
        where = f"{account}/files/{gone['id']}"
        assert service.request("DELETE", where, headers={"Tus-Resumable": "1.0.0"}).status == 204
        archive = zipfile.ZipFile(io.BytesIO(service.get(address).body))
        assert sorted(archive.namelist()) == ["tom.txt", "Årsmöte räksmörgås.pdf"]

    def test_by_a_wrong_address_or_a_code_there_is_none(self, service, mail_server):
        account = apply(service, FORM).location
        send_form(service, account, {"a.txt": b"a", "b.txt": b"b"}, with_code="1")
        letters = mail_server.wait_for("file-ready", to=BO, count=2)
        code = re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}", letters[0].text)[0]
        pickup = service.post("/code", {"code": code}).location
        assert service.get(pickup).status == 200
        assert "/zip/" not in service.get(pickup).text
        (link,) = letters[0].links("download")
        address = self.address(service, path_of(link))
        token, public_id = address.split("/")[2:]
        assert service.get(f"/zip/{pickup.rpartition('/')[2]}/{public_id}").status == 404
        assert service.get(f"/zip/{token}/ABCD-EFGH.zip").status == 404
        assert service.get(f"/zip/{'A' * 43}/{public_id}").status == 404
        assert service.get(f"/zip/{token}/{public_id}/x").status == 404
        assert service.post(address).status in (404, 405)
        (mine, other) = (path_of(letter.links("download")[0]) for letter in letters)
        assert mine != other
        service.run("close", letters[0].transfer, "--reason", "Slut")
        gone = service.get(address)
        assert (gone.status, gone.headers["Content-Type"].partition(";")[0]) == (410, "text/html")


@pytest.mark.full
@pytest.mark.timeout(600)
def test_more_than_four_gibibytes_are_one_archive(make_service, mail_server, tmp_path):
    """ZIP64 where it must be: two files of 2 GiB and one of a byte, and the memory stays flat."""
    service = make_service(MAX_TRANSFER_SIZE="5GiB").start()
    account = apply(service, FORM).location
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.write(os.urandom(MIB))
        file.truncate(2 << 30)
    for name in ("a.bin", "b.bin"):
        subprocess.run(["curl", "-sf", "-T", large, f"{service.url}{account}/{name}"], check=True)
    send_tus(service, account, b"x", filename="c.txt")
    eventually(
        lambda: [file["state"] for file in listed(service, account)],
        lambda states: states == ["ready"] * 3,
        seconds=300,
        interval=1,
    )
    (link,) = mail_server.wait_for("file-ready", to=BO, count=3)[0].links("download")
    address = TestEverything().address(service, path_of(link))
    subprocess.run(["curl", "-sf", "-o", tmp_path / "all.zip", service.url + address], check=True)
    tested = subprocess.run(["unzip", "-t", tmp_path / "all.zip"], capture_output=True, check=True)
    assert b"No errors" in tested.stdout
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert [entry.file_size for entry in archive.infolist()] == [2 << 30, 2 << 30, 1]

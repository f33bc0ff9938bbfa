"""Bytes that left without being the whole file: in the trail once a day, and on the sender's pages."""

import json
import socket
import time
import zipfile
from io import BytesIO
from urllib.parse import urlsplit

import pytest

from filsluss.rules.tokens import Purpose, keys_for, link_token
from tests.parts.eventually import eventually
from tests.parts.storage import rows

DATA = bytes(range(256)) * 8
SIZE = len(DATA)


def entries(service, file, step="partly-fetched"):
    return rows(
        service,
        "SELECT role, network, request_id, size, detail FROM filsluss_auditentry "
        f"WHERE step = '{step}' AND file_public_id = '{file}' ORDER BY id",
    )


def listed(service, account):
    (file,) = json.loads(service.get(f"{account}/files").text)["files"]
    return file


def public_id(service, account):
    return listed(service, account)["public_id"]


def test_the_file_without_its_last_byte_is_in_the_trail_once_and_on_the_senders_page(
    shared_service, ready, account
):
    address = ready(DATA)
    file = public_id(shared_service, account)
    shared_service.request("HEAD", address)
    shared_service.request("HEAD", address, headers={"Range": "bytes=0-99"})
    shared_service.get(address, If_None_Match="*")
    shared_service.get(address, Range=f"bytes={SIZE}-")
    time.sleep(0.5)
    assert (entries(shared_service, file), listed(shared_service, account)["partly_at"]) == ([], None)
    answers = [shared_service.get(address, Range=f"bytes=0-{SIZE - 2}") for _ in range(3)]
    eventually(lambda: listed(shared_service, account)["partly_at"])
    time.sleep(0.5)
    ((role, network, request_id, size, detail),) = entries(shared_service, file)
    assert (role, network, size) == ("recipient", "127.0.0.1", SIZE)
    assert request_id == answers[0].headers["X-Request-ID"]
    assert "download" in json.dumps(detail)
    assert "delvis nedladdad" in shared_service.get(f"{account}?lang=sv").text
    assert "partly downloaded" in shared_service.get(f"{account}?lang=en").text
    shared_service.get(address, Range="bytes=-1")
    eventually(lambda: entries(shared_service, file, "fetched"))
    assert listed(shared_service, account)["partly_at"] is None
    assert "delvis nedladdad" not in shared_service.get(f"{account}?lang=sv").text


def test_the_status_page_of_the_sender_says_so_too(shared_service, ready, account):
    address = ready(DATA)
    shared_service.get(address, Range="bytes=0-9")
    eventually(lambda: listed(shared_service, account)["partly_at"])
    keys = keys_for("link", [(shared_service.data_dir / "secret_key").read_text().strip()])
    links = rows(
        shared_service,
        "SELECT l.derived_from, l.nonce FROM filsluss_link l JOIN filsluss_transferfile f "
        "ON f.transfer_id = l.transfer_id WHERE l.purpose = 'status-sender' "
        f"AND f.public_id = '{public_id(shared_service, account)}'",
    )
    ((row, nonce),) = links
    token = link_token(keys[0], purpose=Purpose.STATUS_SENDER, row=row, nonce=nonce)
    assert "Delvis nedladdat" in shared_service.get(f"/status/{token}?lang=sv").text
    assert "Partly downloaded" in shared_service.get(f"/status/{token}?lang=en").text


def test_a_client_that_hangs_up_has_partly_fetched(shared_service, ready, account):
    address = ready(bytes(32 << 20))
    host = urlsplit(shared_service.url).netloc
    with socket.create_connection(("127.0.0.1", shared_service.port)) as connection:
        connection.sendall(f"GET {address} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")
    eventually(lambda: listed(shared_service, account)["partly_at"])
    assert len(entries(shared_service, public_id(shared_service, account))) == 1


def test_an_archive_that_breaks_off_has_partly_fetched_the_file_it_was_in(shared_service, ready, account):
    """Also when all but the last piece of the file has left."""
    address = ready(bytes(32 << 20), "stor.bin")
    ready(b"liten", "liten.bin")
    files = json.loads(shared_service.get(f"{account}/files").text)["files"]
    token = address.split("/")[2]
    page = shared_service.get(f"/download/{token}").text
    (archive,) = {part.split('"')[0] for part in page.split('href="')[1:] if part.startswith("/zip/")}
    host = urlsplit(shared_service.url).netloc
    with socket.create_connection(("127.0.0.1", shared_service.port)) as connection:
        connection.sendall(f"GET {archive} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")
    eventually(lambda: entries(shared_service, files[0]["public_id"]))
    assert entries(shared_service, files[1]["public_id"]) == []
    assert entries(shared_service, files[0]["public_id"], "fetched") == []
    whole = shared_service.get(archive)
    assert zipfile.ZipFile(BytesIO(whole.body)).testzip() is None
    for file in files:
        eventually(lambda own=file["public_id"]: entries(shared_service, own, "fetched"))


@pytest.mark.parametrize("step", ["fetched", "partly-fetched"])
def test_a_download_is_in_the_trail_with_its_network_and_request(shared_service, ready, account, step):
    address = ready(DATA)
    answer = shared_service.get(address, **({} if step == "fetched" else {"Range": "bytes=0-0"}))
    file = public_id(shared_service, account)
    eventually(lambda: entries(shared_service, file, step))
    ((_, network, request_id, *_),) = entries(shared_service, file, step)
    assert (network, request_id) == ("127.0.0.1", answer.headers["X-Request-ID"])

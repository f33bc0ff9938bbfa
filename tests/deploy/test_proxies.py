"""Through nginx and Caddy, as they are shipped: uploads, downloads, who is inside, and a closed service."""

import contextlib
import hashlib
import io
import json
import os
import re
import select
import socket
import subprocess
import time
import zipfile
from urllib.parse import urlsplit

import pytest
from tusclient.client import TusClient

from tests.deploy.conftest import fronted
from tests.parts import hurried
from tests.parts.people import FORM, announce, append, apply, metadata, offset_of, send_form, send_tus
from tests.parts.proxy import careless

MIB = 1 << 20
TUS = {"Tus-Resumable": "1.0.0"}


def listed(front, account):
    return json.loads(front.get(f"{account}/files").text)["files"]


def await_ready(front, account, count=1):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        files = listed(front, account)
        if [file["state"] for file in files] == ["ready"] * count:
            return files
        time.sleep(0.1)
    raise AssertionError(files)


def curl(front, *words):
    return subprocess.run(
        ["curl", "-sk", "--interface", "127.0.0.2", *words], capture_output=True, timeout=100, check=False
    )


def links(front, account):
    """The addresses that the letters hold, and the case's public id."""
    code = (
        "from django.conf import settings; from filsluss.models import TransferFile as F;"
        "[print(f.upload_id, f.token(settings.POLICY.link_keys), f.pickup_token(settings.POLICY.link_keys),"
        " f.transfer.public_id) for f in F.objects.all()]"
    )
    told = [line.split() for line in front.house.run("shell", "--no-imports", "-c", code).stdout.splitlines()]
    known = {upload: rest for upload, *rest in told}
    return [known[file["id"]] for file in listed(front, account)]


@pytest.fixture(scope="module")
def filled(front):
    """An account with two files, and how to fetch them: (data, address, zip address, account)."""
    account = apply(front, FORM).location
    data = os.urandom(2 * MIB + 5)
    send_tus(front, account, data, filename="ritning åäö.pdf")
    send_tus(front, account, b"liten", filename="Ritning ÅÄÖ.pdf")
    await_ready(front, account, 2)
    (token, _, public_id), _ = links(front, account)
    return data, f"/download/{token}/ritning", f"/zip/{token}/{public_id}.zip", account


class TestUploads:
    def test_a_form_without_script(self, front, account):
        data = os.urandom(3 * MIB)
        assert send_form(front, account, {"a.bin": data}, with_code="1").status == 303
        (file,) = await_ready(front, account)
        assert (file["sha256"], file["with_code"]) == (hashlib.sha256(data).hexdigest(), True)

    def test_curl_in_whichever_version_the_proxy_speaks(self, front, account, tmp_path):
        file = tmp_path / "stor.bin"
        file.write_bytes(os.urandom(20 * MIB))
        done = curl(front, "-T", str(file), "-w", "%{http_code} %{http_version}", f"{front.url}{account}/")
        version = "2" if front.url.startswith("https") else "1.1"
        assert done.stdout.decode() == f"201 {version}"
        (stored,) = await_ready(front, account)
        assert stored["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()

    def test_tuspy_as_it_is(self, front, account, tmp_path):
        file = tmp_path / "räv.bin"
        file.write_bytes(os.urandom(MIB + 1))
        client = TusClient(f"{front.url}{account}/files")
        sender = client.uploader(
            str(file), chunk_size=300_000, metadata={"filename": "räv.bin"}, verify_tls_cert=False,
            upload_checksum=True,
        )  # fmt: skip
        sender.upload()
        (stored,) = await_ready(front, account)
        assert (stored["name"], stored["sha256"]) == (
            "räv.bin",
            hashlib.sha256(file.read_bytes()).hexdigest(),
        )

    def test_a_line_that_breaks_loses_nothing_that_came_to_the_proxy(self, front, account):
        data = os.urandom(4 * MIB)
        where = announce(front, account, len(data)).location
        sock = socket.create_connection(("127.0.0.1", front.port), timeout=30)
        if front.url.startswith("https"):
            sock = careless().wrap_socket(sock)
        host = urlsplit(front.url).netloc
        sock.sendall(
            f"PATCH {where} HTTP/1.1\r\nHost: {host}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
            f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(data)}\r\n\r\n".encode()
            + data[: 3 * MIB]
        )
        end = time.monotonic() + 30
        while listed(front, account)[0]["offset"] < 3 * MIB and time.monotonic() < end:
            time.sleep(0.05)
        sock.close()
        assert offset_of(front, where) == 3 * MIB
        assert append(front, where, 3 * MIB, data[3 * MIB :]).status == 204
        assert await_ready(front, account)[0]["sha256"] == hashlib.sha256(data).hexdigest()

    def test_a_newer_request_takes_over_through_the_proxy(self, front, account):
        where = announce(front, account, 2 * MIB).location
        line = front.connect()
        line.putrequest("PATCH", where, skip_host=True)
        for name, text in {
            "Host": urlsplit(front.url).netloc, **TUS, "Upload-Offset": "0", "Content-Length": str(2 * MIB),
            "Content-Type": "application/offset+octet-stream",
        }.items():  # fmt: skip
            line.putheader(name, text)
        line.endheaders(bytes(MIB))
        end = time.monotonic() + 30
        while listed(front, account)[0]["offset"] < MIB and time.monotonic() < end:
            time.sleep(0.05)
        assert offset_of(front, where) == MIB
        assert append(front, where, MIB, bytes(MIB)).status == 204
        line.close()

    @pytest.mark.parametrize(
        ("changes", "status", "code"),
        [
            ({"Upload-Offset": "7"}, 409, "offset_mismatch"),
            ({"Content-Type": "text/plain"}, 415, "content_type"),
            ({"Tus-Resumable": "9.9.9"}, 412, "version_unsupported"),
        ],
    )
    def test_a_refusal_comes_through_as_it_was_said(self, front, account, changes, status, code):
        where = announce(front, account, 5).location
        good = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        answer = front.request("PATCH", where, b"hello", {**good, **changes})
        assert (answer.status, json.loads(answer.text)["code"]) == (status, code)

    def test_a_large_body_that_is_refused_gets_its_answer(self, front, account):
        """Nobody reads it: the answer comes while the client is still sending."""
        done = curl(
            front, "-X", "PATCH", "--data-binary", "@-", "-o", "/dev/null", "-w", "%{http_code}",
            "-H", "Tus-Resumable: 1.0.0", "-H", "Upload-Offset: 0", "-H", "Content-Type: text/plain",
            f"{front.url}{announce(front, account, 9).location}",
        )  # fmt: skip
        assert done.stdout == b"415"

    def test_addresses_that_are_told_are_the_public_ones(self, front, account):
        created = announce(front, account, 5)
        assert created.headers["Location"].startswith(f"{front.url}{account}/files/")

    def test_metadata_in_any_letters_comes_through(self, front, account):
        about = metadata(filename="räksmörgås.txt", colour="röd")
        answer = front.request(
            "POST", f"{account}/files", b"", {**TUS, "Upload-Length": "3", "Upload-Metadata": about}
        )
        assert answer.status == 201
        assert front.request("HEAD", answer.location).headers["Upload-Metadata"] == about


class TestDownloads:
    def test_a_whole_file_with_all_that_is_said_of_it(self, front, filled):
        data, address, *_ = filled
        answer = front.get(address)
        assert (answer.status, answer.body) == (200, data)
        sha256 = hashlib.sha256(data).hexdigest()
        told = {name.lower(): text for name, text in answer.headers.items()}
        assert told["etag"] == f'"sha256-{sha256}"'
        assert told["accept-ranges"] == "bytes"
        assert told["content-type"] == "application/octet-stream"
        assert "ritning%20%C3%A5%C3%A4%C3%B6.pdf" in told["content-disposition"]
        assert told["content-security-policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
        assert told["x-content-type-options"] == "nosniff"
        assert told["cache-control"] == "private, no-store"
        assert told["repr-digest"].startswith("sha-256=:")
        assert told["cross-origin-resource-policy"] == "same-origin"
        assert "last-modified" not in told
        assert "x-accel-redirect" not in told
        if front.url.startswith("https"):
            assert told["strict-transport-security"] == "max-age=63072000; includeSubDomains"

    @pytest.mark.parametrize(
        ("asked", "status", "part"),
        [
            ("bytes=0-0", 206, slice(0, 1)),
            ("bytes=100-199", 206, slice(100, 200)),
            (f"bytes={MIB}-", 206, slice(MIB, None)),
            ("bytes=-7", 206, slice(-7, None)),
            ("bytes=0-" + "9" * 400, 206, slice(0, None)),
            ("bytes=0-1,5-6", 200, slice(0, None)),
            ("bytes=5-1", 200, slice(0, None)),
            ("bytes=abc", 200, slice(0, None)),
            ("items=0-1", 200, slice(0, None)),
        ],
    )
    def test_one_range(self, front, filled, asked, status, part):
        data, address, _, _ = filled
        answer = front.get(address, Range=asked)
        assert (answer.status, answer.body == data[part]) == (status, True)
        if status == 206:
            start, stop, _ = part.indices(len(data))
            assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(data)}"

    def test_a_download_is_resumed_if_the_file_is_still_the_same(self, front, filled):
        data, address, _, _ = filled
        etag = front.request("HEAD", address).headers["ETag"]
        same = front.get(address, Range="bytes=100-", If_Range=etag)
        assert (same.status, same.body == data[100:]) == (206, True)
        for other in ('"sha256-other"', f"W/{etag}", "Wed, 21 Oct 2015 07:28:00 GMT"):
            whole = front.get(address, Range="bytes=100-", If_Range=other)
            assert (whole.status, whole.body == data) == (200, True)

    def test_what_is_known_already_is_not_sent_again(self, front, filled):
        _, address, _, _ = filled
        etag = front.request("HEAD", address).headers["ETag"]
        assert front.get(address, If_None_Match=etag).status == 304
        assert front.get(address, If_Match='"other"').status == 412
        assert front.get(address, If_Match=etag).status == 200
        assert front.get(address, Range="bytes=99999999999-").status == 416

    def test_a_head_says_the_length_and_sends_nothing(self, front, filled):
        data, address, _, _ = filled
        answer = front.request("HEAD", address)
        assert (answer.status, answer.headers["Content-Length"], answer.body) == (200, str(len(data)), b"")

    def test_everything_at_once(self, front, filled, tmp_path):
        data, _, everything, _ = filled
        length = front.request("HEAD", everything).headers["Content-Length"]
        answer = front.get(everything)
        assert (answer.status, length) == (200, str(len(answer.body)))
        archive = zipfile.ZipFile(io.BytesIO(answer.body))
        assert archive.namelist() == ["ritning åäö.pdf", "Ritning ÅÄÖ (2).pdf"]
        assert [archive.read(name) for name in archive.namelist()] == [data, b"liten"]

    def test_curl_and_wget_go_on_where_they_stopped(self, front, filled, tmp_path):
        data, address, _, _ = filled
        for name, words in {
            "curl": ["curl", "-sSk", "-C", "-", "-o"],
            "wget": ["wget", "-nv", "-S", "-c", "--no-check-certificate", "-O"],
        }.items():
            part = tmp_path / name
            part.write_bytes(data[:1000])
            subprocess.run([*words, str(part), front.url + address], check=True, timeout=60)
            assert part.read_bytes() == data

    def test_a_whole_fetch_is_remembered(self, front, account):
        send_tus(front, account, b"hej")
        await_ready(front, account)
        ((token, _, _),) = links(front, account)
        assert front.request("HEAD", f"/download/{token}/x").status == 200
        assert front.get(f"/download/{token}/x", Range="bytes=0-1").status == 206
        assert listed(front, account)[0]["fetched_at"] is None
        assert front.get(f"/download/{token}/x", Range="bytes=2-").status == 206
        end = time.monotonic() + 20
        while listed(front, account)[0]["fetched_at"] is None and time.monotonic() < end:
            time.sleep(0.05)
        assert listed(front, account)[0]["fetched_at"] is not None

    def test_a_removed_file_is_refused_at_once(self, front, account):
        send_tus(front, account, b"hej")
        (file,) = await_ready(front, account)
        ((token, _, _),) = links(front, account)
        assert front.request("DELETE", f"{account}/files/{file['id']}", headers=TUS).status == 204
        assert front.get(f"/download/{token}/x").status == 410

    def test_a_running_download_ends_when_the_file_is_taken_away(self, front, account):
        size = 24 * MIB
        send_tus(front, account, bytes(size))
        (file,) = await_ready(front, account)
        ((token, _, _),) = links(front, account)
        line = front.connect()
        line.connect()
        line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        line.request("GET", f"/download/{token}/x", headers={"Host": urlsplit(front.url).netloc})
        answer = line.getresponse()
        got = len(answer.read(1000))
        assert front.request("DELETE", f"{account}/files/{file['id']}", headers=TUS).status == 204
        end = time.monotonic() + 30
        while listed(front, account)[0]["state"] != "erased" and time.monotonic() < end:
            time.sleep(0.1)
        with contextlib.suppress(OSError):
            while piece := answer.read1(1 << 16):
                got += len(piece)
        assert 1000 <= got < size
        line.close()

    def test_the_store_cannot_be_reached_from_outside(self, front, filled):
        account = filled[3]
        name = listed(front, account)[0]["id"]
        inner = (f"{name[0]}.d/{name}", "", "../house/secret_key")
        for path in (*(f"/filsluss-bytes/{path}" for path in inner), "/closed/503.sv.html"):
            assert front.get(path, X_Accel_Redirect="/filsluss-bytes/x").status in (400, 404)


class TestWhoIsInside:
    def test_from_our_network_the_account_opens_at_once(self, front):
        assert "/upload/" in front.post("/", FORM).headers["Location"]

    @pytest.mark.parametrize(
        ("address", "claims"),
        list(enumerate([
            {},
            {"X-Forwarded-For": "127.0.0.2"},
            {"X-Forwarded-For": "127.0.0.2, 127.0.0.1"},
            {"X-Real-IP": "127.0.0.2"},
            {"Forwarded": "for=127.0.0.2"},
            {"X-Forwarded-Host": "127.0.0.2"},
        ])),
    )  # fmt: skip
    def test_from_anywhere_else_it_does_not_whatever_is_claimed(self, front, address, claims):
        answer = front.request("POST", "/", FORM, claims, source=f"127.0.0.{10 + address}")
        assert (answer.status, "/upload/" in answer.headers["Location"]) == (303, False)

    def test_who_goes_around_the_proxy_and_claims_to_be_one_is_not_inside(self, front):
        body = front.house.request(
            "POST", "/", FORM, {"Host": urlsplit(front.url).netloc, "X-Forwarded-Proto": "https"}
        )
        assert (body.status, "/upload/" in body.headers["Location"]) == (303, False)


def test_a_form_that_trickles_is_given_up(tmp_path, database_server):
    """nginx would wait for hours: it passes on what comes, and the house has its patience."""
    hasty = hurried.program(**{"filsluss.streams.body.FORM_SECONDS": 2.0})
    with contextlib.contextmanager(fronted)(tmp_path, database_server, "nginx", program=hasty) as front:
        line = front.connect()
        line.putrequest("POST", "/", skip_host=True)
        line.putheader("Host", urlsplit(front.url).netloc)
        line.putheader("Content-Type", "application/x-www-form-urlencoded")
        line.putheader("Content-Length", "1000")
        line.endheaders()
        for _ in range(500):
            line.send(b"x")
            if select.select([line.sock], [], [], 0.1)[0]:
                break
        assert line.getresponse().status == 408


def test_a_page_takes_no_large_body(front):
    answer = curl(front, "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", "@/etc/services",
                  "-d", "x" * 100_000, f"{front.url}/code")  # fmt: skip
    assert answer.stdout in (b"413", b"400")


def test_a_header_of_any_size_is_not_taken(front):
    assert front.get("/", X_A="a" * 40_000).status in (400, 431)


def test_the_log_knows_no_token(front, filled):
    front.get(filled[1])
    front.get("/status/" + "A" * 43)
    text = front.log_text()
    assert "/download/-" in text
    assert "/status/-" in text
    assert re.findall(r"/(?:upload|download|zip|status|decide)/[A-Za-z0-9_-]{20,}", text) == []


def test_while_the_house_is_away_people_read_so_in_their_language(front, filled):
    """Last in this file: the house goes away, and comes back."""
    front.house.stop()
    for language, words in {
        "sv": "Tjänsten är tillfälligt stängd",
        "en-GB,en": "The service is temporarily closed",
    }.items():
        for path in ("/", filled[1], filled[3]):
            answer = front.get(path, Accept_Language=language)
            assert answer.status == 503
            assert re.search("<h1>(.*)</h1>", answer.text)[1] == words
            assert answer.headers["Retry-After"] == "30"
    assert front.request("HEAD", f"{filled[3]}/files/{'x' * 22}", headers=TUS).status == 503
    front.house.start()
    assert front.get("/").status == 200

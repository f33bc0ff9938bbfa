"""Through nginx and Caddy, as they are shipped: uploads, downloads, who is inside, and a stopped service."""

import contextlib
import hashlib
import io
import json
import os
import re
import select
import shutil
import socket
import subprocess
import zipfile
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
from tusclient.client import TusClient

from tests.deploy.conftest import behind_proxy
from tests.parts import short_timeouts
from tests.parts.eventually import eventually
from tests.parts.people import FORM, announce, append, apply, metadata, offset_of, send_form, send_tus
from tests.parts.proxy import speaks_ipv6, unverified_tls
from tests.parts.storage import rows

MIB = 1 << 20
TUS = {"Tus-Resumable": "1.0.0"}


def listed(proxied, account):
    return json.loads(proxied.get(f"{account}/files").text)["files"]


def await_ready(proxied, account, count=1):
    return eventually(
        lambda: listed(proxied, account),
        lambda files: [file["state"] for file in files] == ["ready"] * count,
        seconds=90,
    )


def curl(proxied, *words):
    return subprocess.run(
        ["curl", "-sk", "--interface", "127.0.0.2", *words], capture_output=True, timeout=100, check=False
    )


def links(proxied, account):
    """The addresses that the letters hold, and the case's public id."""
    code = (
        "from django.conf import settings; from filsluss.models import Link;"
        "keys = settings.POLICY.link_keys; own = Link.objects.order_by('purpose').exclude(file=None);"
        "[print(a.file.upload_id, a.token(keys), b.token(keys), a.transfer.public_id)"
        " for a in own.filter(purpose='download') for b in own.filter(purpose='pickup', file=a.file)]"
    )
    lines = [
        line.split() for line in proxied.service.run("shell", "--no-imports", "-c", code).stdout.splitlines()
    ]
    known = {upload: rest for upload, *rest in lines}
    return [known[file["id"]] for file in listed(proxied, account)]


@pytest.fixture(scope="module")
def filled(proxied):
    """An account with two files, and how to fetch them: (data, address, zip address, account)."""
    account = apply(proxied, FORM).location
    data = os.urandom(2 * MIB + 5)
    send_tus(proxied, account, data, filename="ritning åäö.pdf")
    send_tus(proxied, account, b"liten", filename="Ritning ÅÄÖ.pdf")
    await_ready(proxied, account, 2)
    (token, _, public_id), _ = links(proxied, account)
    return data, f"/download/{token}/ritning", f"/zip/{token}/{public_id}.zip", account


class TestUploads:
    def test_a_form_without_script(self, proxied, account):
        data = os.urandom(3 * MIB)
        assert send_form(proxied, account, {"a.bin": data}, with_code="1").status == 303
        (file,) = await_ready(proxied, account)
        assert (file["sha256"], file["with_code"]) == (hashlib.sha256(data).hexdigest(), True)

    def test_curl_in_whichever_version_the_proxy_speaks(self, proxied, account, tmp_path):
        file = tmp_path / "stor.bin"
        file.write_bytes(os.urandom(20 * MIB))
        done = curl(
            proxied, "-T", str(file), "-w", "%{http_code} %{http_version}", f"{proxied.url}{account}/"
        )
        version = "2" if proxied.url.startswith("https") else "1.1"
        assert done.stdout.decode() == f"201 {version}"
        (stored,) = await_ready(proxied, account)
        assert stored["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()

    def test_tuspy_as_it_is(self, proxied, account, tmp_path):
        file = tmp_path / "räv.bin"
        file.write_bytes(os.urandom(MIB + 1))
        client = TusClient(f"{proxied.url}{account}/files")
        sender = client.uploader(
            str(file),
            chunk_size=300_000,
            metadata={"filename": "räv.bin"},
            verify_tls_cert=False,
            upload_checksum=True,
        )
        sender.upload()
        (stored,) = await_ready(proxied, account)
        assert (stored["name"], stored["sha256"]) == (
            "räv.bin",
            hashlib.sha256(file.read_bytes()).hexdigest(),
        )

    def test_a_connection_that_breaks_loses_nothing_that_came_to_the_proxy(self, proxied, account):
        data = os.urandom(4 * MIB)
        where = announce(proxied, account, len(data)).location
        sock = socket.create_connection(("127.0.0.1", proxied.port), timeout=30)
        if proxied.url.startswith("https"):
            sock = unverified_tls().wrap_socket(sock)
        host = urlsplit(proxied.url).netloc
        sock.sendall(
            f"PATCH {where} HTTP/1.1\r\nHost: {host}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
            f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(data)}\r\n\r\n".encode()
            + data[: 3 * MIB]
        )
        eventually(lambda: listed(proxied, account)[0]["offset"], lambda found: found == 3 * MIB)
        sock.close()
        assert offset_of(proxied, where) == 3 * MIB
        assert append(proxied, where, 3 * MIB, data[3 * MIB :]).status == 204
        assert await_ready(proxied, account)[0]["sha256"] == hashlib.sha256(data).hexdigest()

    def test_a_newer_request_takes_over_through_the_proxy(self, proxied, account):
        where = announce(proxied, account, 2 * MIB).location
        connection = proxied.connect()
        connection.putrequest("PATCH", where, skip_host=True)
        for name, text in {
            "Host": urlsplit(proxied.url).netloc,
            **TUS,
            "Upload-Offset": "0",
            "Content-Length": str(2 * MIB),
            "Content-Type": "application/offset+octet-stream",
        }.items():
            connection.putheader(name, text)
        connection.endheaders(bytes(MIB))
        eventually(lambda: listed(proxied, account)[0]["offset"], lambda found: found == MIB)
        assert offset_of(proxied, where) == MIB
        assert append(proxied, where, MIB, bytes(MIB)).status == 204
        connection.close()

    @pytest.mark.parametrize(
        ("changes", "status", "code"),
        [
            ({"Upload-Offset": "7"}, 409, "offset_mismatch"),
            ({"Content-Type": "text/plain"}, 415, "content_type"),
            ({"Tus-Resumable": "9.9.9"}, 412, "version_unsupported"),
        ],
    )
    def test_a_refusal_passes_the_proxy_unchanged(self, proxied, account, changes, status, code):
        where = announce(proxied, account, 5).location
        good = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        answer = proxied.request("PATCH", where, b"hello", {**good, **changes})
        assert (answer.status, json.loads(answer.text)["code"]) == (status, code)

    def test_a_large_body_that_is_refused_gets_its_answer(self, proxied, account):
        """Nobody reads it: the answer comes while the client is still sending."""
        done = curl(
            proxied,
            "-X",
            "PATCH",
            "--data-binary",
            "@-",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "-H",
            "Tus-Resumable: 1.0.0",
            "-H",
            "Upload-Offset: 0",
            "-H",
            "Content-Type: text/plain",
            f"{proxied.url}{announce(proxied, account, 9).location}",
        )
        assert done.stdout == b"415"

    def test_addresses_in_responses_are_the_public_ones(self, proxied, account):
        created = announce(proxied, account, 5)
        assert created.headers["Location"].startswith(f"{proxied.url}{account}/files/")

    def test_metadata_in_any_letters_comes_through(self, proxied, account):
        about = metadata(filename="räksmörgås.txt", colour="röd")
        answer = proxied.request(
            "POST", f"{account}/files", b"", {**TUS, "Upload-Length": "3", "Upload-Metadata": about}
        )
        assert answer.status == 201
        assert proxied.request("HEAD", answer.location).headers["Upload-Metadata"] == about


class TestDownloads:
    def test_a_whole_file_with_all_its_headers(self, proxied, filled):
        data, address, *_ = filled
        answer = proxied.get(address)
        assert (answer.status, answer.body) == (200, data)
        sha256 = hashlib.sha256(data).hexdigest()
        headers = {name.lower(): text for name, text in answer.headers.items()}
        assert headers["etag"] == f'"sha256-{sha256}"'
        assert headers["accept-ranges"] == "bytes"
        assert headers["content-type"] == "application/octet-stream"
        assert "ritning%20%C3%A5%C3%A4%C3%B6.pdf" in headers["content-disposition"]
        assert headers["content-security-policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "private, no-store"
        assert headers["repr-digest"].startswith("sha-256=:")
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert parsedate_to_datetime(headers["last-modified"]) <= parsedate_to_datetime(headers["date"])
        assert "x-accel-redirect" not in headers
        if proxied.url.startswith("https"):
            assert headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"

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
    def test_one_range(self, proxied, filled, asked, status, part):
        data, address, _, _ = filled
        answer = proxied.get(address, Range=asked)
        assert (answer.status, answer.body == data[part]) == (status, True)
        if status == 206:
            start, stop, _ = part.indices(len(data))
            assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(data)}"

    def test_a_download_is_resumed_if_the_file_is_still_the_same(self, proxied, filled):
        data, address, _, _ = filled
        etag = proxied.request("HEAD", address).headers["ETag"]
        same = proxied.get(address, Range="bytes=100-", If_Range=etag)
        assert (same.status, same.body == data[100:]) == (206, True)
        for other in ('"sha256-other"', f"W/{etag}", "Wed, 21 Oct 2015 07:28:00 GMT"):
            whole = proxied.get(address, Range="bytes=100-", If_Range=other)
            assert (whole.status, whole.body == data) == (200, True)

    def test_what_is_known_already_is_not_sent_again(self, proxied, filled):
        _, address, _, _ = filled
        etag = proxied.request("HEAD", address).headers["ETag"]
        assert proxied.get(address, If_None_Match=etag).status == 304
        assert proxied.get(address, If_Match='"other"').status == 412
        assert proxied.get(address, If_Match=etag).status == 200
        changed = proxied.request("HEAD", address).headers["Last-Modified"]
        assert proxied.get(address, If_Modified_Since=changed).status == 304
        assert proxied.get(address, If_Unmodified_Since="Tue, 21 Oct 2025 07:28:00 GMT").status == 412
        assert proxied.get(address, Range="bytes=99999999999-").status == 416

    def test_a_head_says_the_length_and_sends_nothing(self, proxied, filled):
        data, address, _, _ = filled
        answer = proxied.request("HEAD", address)
        assert (answer.status, answer.headers["Content-Length"], answer.body) == (200, str(len(data)), b"")

    def test_everything_at_once(self, proxied, filled, tmp_path):
        data, _, everything, _ = filled
        length = proxied.request("HEAD", everything).headers["Content-Length"]
        answer = proxied.get(everything)
        assert (answer.status, length) == (200, str(len(answer.body)))
        archive = zipfile.ZipFile(io.BytesIO(answer.body))
        assert archive.namelist() == ["ritning åäö.pdf", "Ritning ÅÄÖ (2).pdf"]
        assert [archive.read(name) for name in archive.namelist()] == [data, b"liten"]

    def test_curl_and_wget_go_on_where_they_stopped(self, proxied, filled, tmp_path):
        data, address, _, _ = filled
        for name, words in {
            "curl": ["curl", "-sSk", "-C", "-", "-o"],
            "wget": ["wget", "-nv", "-S", "-c", "--no-hsts", "--no-check-certificate", "-O"],
        }.items():
            part = tmp_path / name
            part.write_bytes(data[:1000])
            subprocess.run([*words, str(part), proxied.url + address], check=True, timeout=60)
            assert part.read_bytes() == data

    def test_a_whole_fetch_is_remembered(self, proxied, account):
        send_tus(proxied, account, b"hej")
        await_ready(proxied, account)
        ((token, _, _),) = links(proxied, account)
        assert proxied.request("HEAD", f"/download/{token}/x").status == 200
        assert proxied.get(f"/download/{token}/x", Range="bytes=0-1").status == 206
        assert listed(proxied, account)[0]["fetched_at"] is None
        assert proxied.get(f"/download/{token}/x", Range="bytes=2-").status == 206
        eventually(lambda: listed(proxied, account)[0]["fetched_at"])

    def test_a_removed_file_is_refused_at_once(self, proxied, account):
        send_tus(proxied, account, b"hej")
        (file,) = await_ready(proxied, account)
        ((token, _, _),) = links(proxied, account)
        assert proxied.request("DELETE", f"{account}/files/{file['id']}", headers=TUS).status == 204
        assert proxied.get(f"/download/{token}/x").status == 410

    def test_a_running_download_ends_when_the_file_is_taken_away(self, proxied, account):
        size = 24 * MIB
        send_tus(proxied, account, bytes(size))
        (file,) = await_ready(proxied, account)
        ((token, _, _),) = links(proxied, account)
        connection = proxied.connect()
        connection.connect()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        connection.request("GET", f"/download/{token}/x", headers={"Host": urlsplit(proxied.url).netloc})
        answer = connection.getresponse()
        got = len(answer.read(1000))
        assert proxied.request("DELETE", f"{account}/files/{file['id']}", headers=TUS).status == 204
        eventually(lambda: listed(proxied, account)[0]["state"], lambda state: state == "erased")
        with contextlib.suppress(OSError):
            while piece := answer.read1(1 << 16):
                got += len(piece)
        assert 1000 <= got < size
        connection.close()

    def test_the_store_cannot_be_reached_from_outside(self, proxied, filled):
        account = filled[3]
        name = listed(proxied, account)[0]["id"]
        inner = (f"{name[0]}.d/{name}", "", "../service/secret_key")
        for path in (*(f"/filsluss-bytes/{path}" for path in inner), "/closed/503.sv.html"):
            assert proxied.get(path, X_Accel_Redirect="/filsluss-bytes/x").status in (400, 404)


class TestTooManyDownloads:
    """Of one link by one network; with X-Accel-Redirect nginx counts them, otherwise the service."""

    @pytest.fixture(scope="class")
    @staticmethod
    def address(proxied):
        """More bytes than the buffers on the way hold."""
        account = apply(proxied, FORM, recipient_email="stor@rontgen.example").location
        send_tus(proxied, account, os.urandom(24 * MIB), filename="stor.bin")
        await_ready(proxied, account)
        ((token, _, _),) = links(proxied, account)
        return f"/download/{token}/stor.bin"

    @staticmethod
    def begin(proxied, address, source):
        """A download whose client stops reading; its answer is its status."""
        connection = proxied.connect(source)
        connection.connect()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        connection.request("GET", address, headers={"Host": urlsplit(proxied.url).netloc})
        return connection, connection.getresponse()

    @pytest.fixture
    def eight(self, proxied, address):
        begun = [self.begin(proxied, address, "127.0.0.3") for _ in range(8)]
        yield [answer.status for _, answer in begun]
        for connection, _ in begun:
            connection.close()

    def test_the_ninth_download_of_a_link_is_refused_in_the_readers_language(self, proxied, address, eight):
        assert eight == [200] * 8
        for language, heading in {
            "sv": "För många nedladdningar samtidigt",
            "en": "Too many downloads at the same time",
        }.items():
            page = proxied.request(
                "GET", f"{address}?lang={language}", headers={"Accept": "text/html"}, source="127.0.0.3"
            )
            assert (page.status, re.search("<h1>(.*)</h1>", page.text)[1]) == (429, heading)
            assert int(page.headers["Retry-After"]) > 0
        refused = proxied.request("GET", address, headers={"Accept": "*/*"}, source="127.0.0.3")
        assert (refused.status, json.loads(refused.text)["code"]) == (429, "too_many_downloads")
        assert proxied.request("HEAD", address, source="127.0.0.3").status == 200
        assert proxied.request("GET", address.rpartition("/")[0], source="127.0.0.3").status == 200
        assert (
            proxied.request("GET", address, headers={"Range": "bytes=0-9"}, source="127.0.0.4").status == 206
        )

    def test_a_program_may_fetch_in_four_segments(self, proxied, address, tmp_path):
        program = shutil.which("aria2c")
        if program is None:
            pytest.skip("aria2c is not here (apt-get install aria2)")
        words = ["-q", "-x4", "-s4", "-k1M", "--check-certificate=false", "-d", str(tmp_path), "-o", "fil"]
        subprocess.run([program, *words, proxied.url + address], check=True, timeout=60)
        assert (tmp_path / "fil").stat().st_size == 24 * MIB

    def test_what_a_client_says_of_its_own_request_refuses_nobody_else(self, proxied, address):
        claimed = {"X-Filsluss-Crowded": "1", "Range": "bytes=0-9"}
        assert proxied.request("GET", address, headers=claimed).status in (206, 429)
        assert proxied.get(address, Range="bytes=0-9").status == 206


class TestWhoIsInside:
    def test_from_our_network_the_account_opens_at_once(self, proxied):
        assert "/upload/" in proxied.post("/", FORM).headers["Location"]

    @pytest.mark.parametrize(
        ("address", "claims"),
        list(
            enumerate(
                [
                    {},
                    {"X-Forwarded-For": "127.0.0.2"},
                    {"X-Forwarded-For": "127.0.0.2, 127.0.0.1"},
                    {"X-Real-IP": "127.0.0.2"},
                    {"Forwarded": "for=127.0.0.2"},
                    {"X-Forwarded-Host": "127.0.0.2"},
                ]
            )
        ),
    )
    def test_from_anywhere_else_it_does_not_whatever_is_claimed(self, proxied, address, claims):
        answer = proxied.request("POST", "/", FORM, claims, source=f"127.0.0.{10 + address}")
        assert (answer.status, "/upload/" in answer.headers["Location"]) == (303, False)

    def test_who_goes_around_the_proxy_and_claims_to_be_one_is_not_inside(self, proxied):
        body = proxied.service.request(
            "POST", "/", FORM, {"Host": urlsplit(proxied.url).netloc, "X-Forwarded-Proto": "https"}
        )
        assert (body.status, "/upload/" in body.headers["Location"]) == (303, False)


def test_a_form_that_trickles_is_given_up(tmp_path, database_server):
    """nginx would wait for hours: it passes on what comes, and the service has a timeout."""
    program = short_timeouts.program(**{"filsluss.streams.body.FORM_SECONDS": 2.0})
    with contextlib.contextmanager(behind_proxy)(
        tmp_path, database_server, "nginx", program=program
    ) as proxied:
        connection = proxied.connect()
        connection.putrequest("POST", "/", skip_host=True)
        connection.putheader("Host", urlsplit(proxied.url).netloc)
        connection.putheader("Content-Type", "application/x-www-form-urlencoded")
        connection.putheader("Content-Length", "1000")
        connection.endheaders()
        for _ in range(500):
            connection.send(b"x")
            if select.select([connection.sock], [], [], 0.1)[0]:
                break
        assert connection.getresponse().status == 408


def test_a_page_takes_no_large_body(proxied, tmp_path):
    (tmp_path / "large").write_bytes(b"x" * (2 << 20))
    answer = curl(
        proxied,
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "--data-binary",
        f"@{tmp_path / 'large'}",
        f"{proxied.url}/code",
    )
    assert answer.stdout in (b"413", b"400")


def test_a_header_of_any_size_is_not_taken(proxied):
    assert proxied.get("/", X_A="a" * 40_000).status in (400, 431)


def test_the_log_holds_no_token(proxied, filled):
    proxied.get(filled[1])
    proxied.get("/status/" + "A" * 43)
    # The line is written after the response.
    text = eventually(proxied.log_text, lambda text: "/status/-" in text)
    assert "/download/-" in text
    assert re.findall(r"/(?:upload|download|zip|status|decide)/[A-Za-z0-9_-]{20,}", text) == []


def test_one_request_has_one_id_in_the_proxys_log_and_in_ours(proxied):
    """A client cannot choose it."""
    answer = proxied.request(
        "POST", "/", {**FORM, "recipient_email": "lena@rontgen.example"}, {"X-Request-ID": "my-own"}
    )
    own = answer.headers.get_all("X-Request-ID")
    assert (answer.status, len(own), own[0] != "my-own") == (303, 1, True)
    lines = [line for line in proxied.service.log_text().splitlines() if f"request={own[0]}" in line]
    assert [re.search(r"event=(\S+)", line)[1] for line in lines] == ["applied", "approved"]
    ((entries,),) = rows(
        proxied.service, f"SELECT count(*) FROM filsluss_auditentry WHERE request_id = '{own[0]}'"
    )
    assert entries == 1
    eventually(proxied.log_text, lambda text: own[0] in text)


def test_a_download_says_the_id_that_the_proxy_logged_once(proxied, account):
    """Of a file that nobody has fetched: the trail notes so many fetches of one in a day, and no more."""
    send_tus(proxied, account, b"liten", filename="en.bin")
    await_ready(proxied, account)
    ((token, *_),) = links(proxied, account)
    answer = proxied.get(f"/download/{token}/en.bin")
    (own,) = answer.headers.get_all("X-Request-ID")
    noted = f"SELECT step, network FROM filsluss_auditentry WHERE request_id = '{own}'"
    (entry,) = eventually(lambda: rows(proxied.service, noted))
    assert entry == ("fetched", "127.0.0.2")
    eventually(proxied.log_text, lambda text: own in text)


SPELLINGS = ("/%75pload/{}", "//upload/{}", "/upload%2F{}", "/UPLOAD/{}", "/./download/{}", "/x/zip/{}")


def test_no_way_of_writing_a_path_puts_a_token_into_the_log(proxied):
    for path in SPELLINGS:
        proxied.request("GET", path.format("A" * 43))
    absolute = proxied.connect()
    absolute.putrequest("GET", f"{proxied.url}/status/{'A' * 43}", skip_host=True)
    absolute.putheader("Host", urlsplit(proxied.url).netloc)
    absolute.endheaders()
    absolute.getresponse().read()
    absolute.close()
    proxied.get("/thelast")
    # Lines are written after the response, in the order of the requests.
    assert "A" * 20 not in eventually(proxied.log_text, lambda text: "/thelast" in text)


def test_another_host_is_refused_and_told_nothing(proxied):
    answer = proxied.request("GET", "/", headers={"Host": "evil.example"})
    assert (answer.status, answer.body) == (421, b"")


def test_a_probe_that_asks_by_number_past_the_proxy_is_answered(proxied):
    assert proxied.service.request("GET", "/readyz", headers={"Host": "10.0.0.7:8000"}).status == 200


WEAK = (
    "AES128-SHA",
    "AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-RSA-AES256-SHA",
    "CAMELLIA128-SHA",
)


def test_ciphers_without_forward_secrecy_or_with_cbc_are_refused(proxied):
    if not proxied.url.startswith("https"):
        pytest.skip("without TLS here; Caddy's own defaults have none of them")
    address = ["-connect", f"127.0.0.1:{proxied.port}", "-tls1_2", "-cipher"]

    def accepts(cipher):
        words = ["openssl", "s_client", *address, f"{cipher}@SECLEVEL=0"]
        ran = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        return f"Cipher is {cipher}" in ran.stdout

    assert [cipher for cipher in WEAK if accepts(cipher)] == []
    assert accepts("ECDHE-RSA-AES128-GCM-SHA256")


def test_it_listens_to_ipv6_too(proxied):
    if not speaks_ipv6():
        pytest.skip("this machine has no IPv6")
    socket.create_connection(("::1", proxied.port), timeout=10).close()


def test_while_the_service_is_down_people_read_so_in_their_language(proxied, filled):
    """Last in this file: the service is stopped and started again."""
    proxied.service.stop()
    for language, words in {
        "sv": "Tjänsten är tillfälligt stängd",
        "en-GB,en": "The service is temporarily closed",
    }.items():
        for path in ("/", filled[1], filled[3]):
            answer = proxied.get(path, Accept_Language=language)
            assert answer.status == 503
            assert re.search("<h1>(.*)</h1>", answer.text)[1] == words
            assert answer.headers["Retry-After"] == "30"
    upload = f"{filled[3]}/files/{'x' * 22}"
    assert proxied.request("HEAD", upload, headers=TUS).status == 503
    for size in (1, 2 * MIB):  # what is "too large" is not sent again
        refused = append(proxied, upload, 0, bytes(size))
        assert (refused.status, refused.headers["Retry-After"]) == (503, "30")
    proxied.service.start()
    assert proxied.get("/").status == 200

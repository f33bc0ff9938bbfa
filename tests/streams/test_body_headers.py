"""What headers and a query say of a body is heeded or refused, on every way in."""

import base64
import hashlib
import json

import pytest

from tests.parts.people import BOUNDARY, announce
from tests.parts.raw_http import RawConnection, chunked
from tests.streams.test_connection import listed
from tests.streams.test_form import CODE, END, KIND, live, part

DATA = b"hej"
TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
FORM = part("file", DATA, "a.txt") + END


def digest(algorithm, data):
    name = {"sha-256": "sha256", "sha-512": "sha512"}[algorithm]
    return f"{algorithm}=:{base64.b64encode(hashlib.new(name, data).digest()).decode()}:"


def refusal(service, account, method, path, body, headers):
    """The status and the code of the refusal; nothing of the body may be kept."""
    answer = service.request(method, account + path, body, headers)
    assert live(service, account) == []
    said = answer.text if answer.text.startswith("{") else "{}"
    return answer.status, json.loads(said).get("code", "")


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload-Complete": "?0"},
        {"Upload-Incomplete": "?1"},
        {"Upload-Offset": "5"},
        {"Upload-Length": "10"},
        {"Content-Range": "bytes 0-2/10"},
        {"Content-Range": "bytes 3-5/6"},
    ],
    ids=str,
)
def test_a_put_of_a_part_is_refused(shared_service, account, headers):
    refused = refusal(shared_service, account, "PUT", "/a.txt", DATA, headers)
    assert refused == (400, "content_range")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Content-Type": KIND}, (415, "content_type")),
        ({"Content-Type": f"Multipart/Mixed; boundary={BOUNDARY}"}, (415, "content_type")),
        ({"If-Match": '"abc"'}, (412, "precondition_failed")),
    ],
    ids=str,
)
def test_a_put_of_a_form_or_of_a_file_that_was_seen_is_refused(shared_service, account, headers, expected):
    assert refusal(shared_service, account, "PUT", "/a.txt", FORM, headers) == expected


@pytest.mark.parametrize("coding", ["gzip, chunked", "deflate, chunked", "compress, chunked"])
@pytest.mark.parametrize("way", ["PUT", "POST", "form"])
def test_a_body_that_is_compressed_on_the_way_is_refused(shared_service, account, coding, way):
    with RawConnection(shared_service) as connection:
        about = {"Transfer_Encoding": coding, "Content_Type": KIND if way == "form" else TUS["Content-Type"]}
        path = {"PUT": "/a.txt", "POST": "/files", "form": ""}[way]
        if way == "POST":
            about |= {"Tus_Resumable": "1.0.0", "Upload_Length": "3"}
        method = "PUT" if way == "PUT" else "POST"
        connection.send_request(method, account + path, chunked(DATA), **about)
        assert connection.read_response().status == 415
    assert live(shared_service, account) == []


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
def test_a_put_that_does_not_say_how_long_it_is_makes_no_empty_file(shared_service, account, version):
    with RawConnection(shared_service) as connection:
        connection.send(f"PUT {account}/a.txt {version}\r\nHost: {connection.host}\r\n\r\nhej".encode())
        connection.half_close()
        assert connection.read_response().status == 411
    assert live(shared_service, account) == []


def test_a_digest_that_comes_after_the_body_is_refused(shared_service, account):
    with RawConnection(shared_service) as connection:
        about = {"Transfer_Encoding": "chunked", "Trailer": "Content-Digest"}
        connection.send_request("PUT", f"{account}/a.txt", chunked(DATA), **about)
        assert connection.read_response().code == "checksum_unsupported"
    assert live(shared_service, account) == []


def test_a_part_of_a_form_that_is_a_part_of_a_file_is_refused(shared_service, account):
    body = part("file", DATA, "a.txt", headers="Content-Range: bytes 5-7/8\r\n") + END
    assert refusal(shared_service, account, "POST", "", body, {"Content-Type": KIND})[0] == 400


@pytest.mark.parametrize("algorithm", ["sha-256", "sha-512"])
def test_a_digest_of_the_content_is_compared(shared_service, account, algorithm):
    headers = {**TUS, "Upload-Length": "3", "Content-Digest": digest(algorithm, b"annat")}
    assert refusal(shared_service, account, "POST", "/files", DATA, headers) == (460, "checksum_mismatch")
    where = announce(shared_service, account, 3).location
    append = {**TUS, "Upload-Offset": "0", "Content-Digest": digest(algorithm, b"annat")}
    assert shared_service.request("PATCH", where, DATA, append).status == 460
    append["Content-Digest"] = f"md5=:AAAA:, {digest(algorithm, DATA)}"
    assert shared_service.request("PATCH", where, DATA, append).status == 204


def test_a_digest_that_is_none_or_that_cannot_be_compared_is_refused(shared_service, account):
    for headers in ({**TUS, "Upload-Length": "3", "Content-Digest": "sha-256=:x:"},):
        refused = refusal(shared_service, account, "POST", "/files", DATA, headers)
        assert refused == (400, "checksum_unsupported")
    broken = {"Content-Digest": "sha-256=:x:"}
    assert refusal(shared_service, account, "PUT", "/a.txt", DATA, broken) == (400, "checksum_unsupported")
    broken = {"Repr-Digest": "sha-256=:x:"}
    assert refusal(shared_service, account, "PUT", "/a.txt", DATA, broken) == (400, "metadata_invalid")
    form = {"Content-Type": KIND, "Content-Digest": digest("sha-256", FORM)}
    assert refusal(shared_service, account, "POST", "", FORM, form)[0] == 400


def coded(name, data):
    return base64.b64encode(hashlib.new(name, data).digest()).decode()


OTHER_DIGESTS = {
    "Content-MD5": lambda data: coded("md5", data),
    "Digest": lambda data: f"SHA-256={coded('sha256', data)}",
    "digest": lambda data: f"unixsum=1, sha={coded('sha1', data)}",
    "Content-Digest": lambda data: digest("sha-512", data),
    "Upload-Checksum": lambda data: f"sha1 {coded('sha1', data)}",
}


@pytest.mark.parametrize("name", OTHER_DIGESTS)
def test_every_header_that_says_what_the_body_hashes_to_is_compared_on_every_way_in(
    shared_service, account, name
):
    right, wrong = ({name: OTHER_DIGESTS[name](data)} for data in (DATA, b"annat"))
    create = {**TUS, "Upload-Length": "3"}
    mismatch = (460, "checksum_mismatch")
    assert refusal(shared_service, account, "POST", "/files", DATA, {**create, **wrong}) == mismatch
    assert refusal(shared_service, account, "PUT", "/a.txt", DATA, wrong) == mismatch
    where = announce(shared_service, account, 3).location
    append = {**TUS, "Upload-Offset": "0"}
    assert shared_service.request("PATCH", where, DATA, {**append, **wrong}).status == 460
    assert shared_service.request("PATCH", where, DATA, {**append, **right}).status == 204
    assert shared_service.request("POST", f"{account}/files", DATA, {**create, **right}).status == 201
    assert shared_service.request("PUT", f"{account}/b.txt", DATA, right).status == 201


@pytest.mark.parametrize(
    "about",
    [
        {"Content-MD5": "x"},
        {"Content-MD5": ""},
        {"Digest": "unixsum=30637"},
        {"Digest": "sha-256"},
        {"Content-Digest": "adler=:AAAA:"},
        {"Content-Digest": "md5=:AAAA:"},
    ],
    ids=str,
)
def test_what_cannot_be_compared_is_refused_on_every_way_in(shared_service, account, about):
    refused = (400, "checksum_unsupported")
    create = {**TUS, "Upload-Length": "3", **about}
    assert refusal(shared_service, account, "POST", "/files", DATA, create) == refused
    assert refusal(shared_service, account, "PUT", "/a.txt", DATA, about) == refused
    assert refusal(shared_service, account, "POST", "", FORM, {"Content-Type": KIND, **about})[0] == 400
    where = announce(shared_service, account, 3).location
    append = {**TUS, "Upload-Offset": "0", **about}
    assert shared_service.request("PATCH", where, DATA, append).status == 400


def test_a_digest_of_a_part_of_a_form_is_refused(shared_service, account):
    body = part("file", DATA, "a.txt").replace(b"\r\n\r\n", b"\r\nContent-MD5: AAAA\r\n\r\n", 1) + END
    assert refusal(shared_service, account, "POST", "", body, {"Content-Type": KIND})[0] == 400


MANY = "&".join(f"a{n}=1" for n in range(60))


@pytest.mark.parametrize(
    "query", ["with_code=2", "with_code=on", "with_code=1&with_code=0", "with_code=%00", MANY]
)
def test_a_choice_that_nobody_understands_sends_no_file(shared_service, account, query):
    refused = refusal(shared_service, account, "PUT", f"/a.txt?{query}", DATA, {})
    assert refused == (400, "metadata_invalid")


@pytest.mark.parametrize("query", ["with_code=1", "with_code", "receipts=none", "one_letter=1", MANY])
def test_a_choice_in_the_wrong_place_sends_no_file(shared_service, account, query):
    tus = {**TUS, "Upload-Length": "3"}
    refused = refusal(shared_service, account, "POST", f"/files?{query}", DATA, tus)
    assert refused == (400, "metadata_invalid")
    assert refusal(shared_service, account, "POST", f"?{query}", FORM, {"Content-Type": KIND})[0] == 400


@pytest.mark.parametrize("value", [b"2", b"on", b"true", b"\xff", b"1\r\n"])
@pytest.mark.parametrize("is_before", [True, False])
def test_a_code_that_is_asked_for_in_other_words_sends_no_file(shared_service, account, value, is_before):
    file, choice = part("file", DATA, "a.txt"), part("with_code", value)
    body = (choice + file if is_before else file + choice) + END
    assert refusal(shared_service, account, "POST", "", body, {"Content-Type": KIND})[0] == 400


MISSPELT = ["withcode", "withCode", "with-code", "WITH_CODE", "code", "with_codes", "one-letter", "receipt"]


@pytest.mark.parametrize("name", MISSPELT)
def test_a_choice_whose_name_is_misspelt_sends_no_file(shared_service, account, name):
    """A file must not go out without the code that somebody asked for."""
    refused = (400, "metadata_invalid")
    assert refusal(shared_service, account, "PUT", f"/a.txt?{name}=1", DATA, {}) == refused
    headers = {**TUS, "Upload-Length": "3", "Upload-Metadata": f"filename YQ==,{name} MQ=="}
    assert refusal(shared_service, account, "POST", "/files", DATA, headers) == refused
    file, choice = part("file", DATA, "a.txt"), part(name, b"1")
    for body in (choice + file, file + choice):
        assert refusal(shared_service, account, "POST", "", body + END, {"Content-Type": KIND})[0] == 400


def test_a_form_that_asks_for_a_code_when_its_file_is_gone_is_told_so(shared_service, account):
    body = part("with_code", b"0") + part("file", DATA, "a.txt") + CODE + END
    assert shared_service.request("POST", account, body, {"Content-Type": KIND}).status == 400
    assert [file["name"] for file in listed(shared_service, account)] == ["a.txt"]


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "x-uuencode"])
def test_a_body_in_an_encoding_of_mail_is_refused_on_every_way_in(shared_service, account, encoding):
    own = {"Content-Transfer-Encoding": encoding}
    refused = (415, "content_encoding")
    assert refusal(shared_service, account, "PUT", "/a.txt", DATA, own) == refused
    headers = {**TUS, **own, "Upload-Length": "3"}
    assert refusal(shared_service, account, "POST", "/files", DATA, headers) == refused
    assert refusal(shared_service, account, "POST", "", FORM, {"Content-Type": KIND, **own})[0] == 415


def test_a_code_in_metadata_is_0_or_1(shared_service, account):
    coded = base64.b64encode(b"true").decode()
    headers = {**TUS, "Upload-Length": "3", "Upload-Metadata": f"filename YQ==,with_code {coded}"}
    assert refusal(shared_service, account, "POST", "/files", DATA, headers) == (400, "metadata_invalid")


def test_a_query_without_end_is_answered(shared_service, account):
    """By pages and by byte paths, with words and not with an error of ours."""
    assert shared_service.get(f"{account}/files?{MANY}").status == 200
    for path in ("/", account, "/help", "/oversee/sign-in", "/healthz"):
        assert shared_service.get(f"{path}?{MANY}").status == 400
    assert shared_service.request("POST", f"/?{MANY}", b"a=1").status == 400
    assert "Traceback" not in shared_service.log_text()


def test_a_whole_file_that_says_so_is_taken(shared_service, account):
    headers = {
        "Upload-Complete": "?1",
        "Upload-Offset": "0",
        "Upload-Length": "3",
        "Content-Range": "bytes 0-2/3",
        "Content-Digest": digest("sha-256", DATA),
        "If-None-Match": "*",
    }
    answer = shared_service.request("PUT", f"{account}/a.txt?with_code=1", DATA, headers)
    assert answer.status == 201
    body = CODE + part("file", DATA, "b.txt") + END
    assert shared_service.request("POST", account, body, {"Content-Type": KIND}).status == 303
    assert [file["with_code"] for file in listed(shared_service, account)] == [True, True]

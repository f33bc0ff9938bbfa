"""The upload form without JavaScript, and malformed forms that no browser would send."""

import json
import os
import re

import pytest

from tests.parts.people import BOUNDARY, announce, multipart, send_form
from tests.parts.raw_http import RawConnection, chunked
from tests.streams.test_connection import MIB, listed

KIND = f"multipart/form-data; boundary={BOUNDARY}"


def send(service, account, body, kind=KIND):
    return service.request("POST", account, body, {"Content-Type": kind})


def part(name, value, filename=None, headers=""):
    file = f'; filename="{filename}"' if filename is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n{headers}\r\n'
    return head.encode() + value + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def names(service, account):
    return [(file["name"], file["size"], file["state"]) for file in listed(service, account)]


def live(service, account):
    return [file for file in listed(service, account) if file["state"] not in ("erasing", "erased")]


def test_files_are_taken_with_the_fields_before_them(shared_service, account):
    data = os.urandom(MIB)
    answer = send_form(
        shared_service, account, {"a.bin": data, "räv.txt": b"hej", "tom.txt": b""}, with_code="1"
    )
    assert (answer.status, answer.location) == (303, account)
    assert [(file["name"], file["size"], file["with_code"]) for file in listed(shared_service, account)] == [
        ("a.bin", MIB, True),
        ("räv.txt", 3, True),
        ("tom.txt", 0, True),
    ]


FILES = part("file", b"a", "a.txt") + part("file", b"b", "b.txt")
CODE, NO_CODE = part("with_code", b"1"), part("with_code", b"0")
BASE64 = "Content-Transfer-Encoding: base64\r\n"


@pytest.mark.parametrize(
    ("body", "with_code"),
    [
        (FILES, [False, False]),
        (CODE + FILES, [True, True]),
        (FILES + CODE, [True, True]),
        (part("file", b"a", "a.txt") + CODE + part("file", b"b", "b.txt"), [True, True]),
        (NO_CODE + part("file", b"a", "a.txt") + CODE + part("file", b"b", "b.txt"), [False, True]),
    ],
    ids=["no choice", "before", "after", "between", "another before the second"],
)
def test_a_choice_that_comes_before_anybody_is_told_is_heeded(shared_service, account, body, with_code):
    assert send(shared_service, account, body + END).status == 303
    assert [file["with_code"] for file in listed(shared_service, account)] == with_code


def test_the_choices_for_all_files_may_follow_them(shared_service, account):
    body = FILES + part("one_letter", b"1") + part("receipts", b"none") + END
    assert send(shared_service, account, body).status == 303
    page = shared_service.get(account).text
    assert re.search(r'id="one_letter"[^>]* checked', page)
    assert re.search(r'value="none" selected', page)


def test_a_form_in_chunks_is_taken_too(shared_service, account):
    with RawConnection(shared_service) as connection:
        body = multipart({"a.txt": b"hej"}, with_code="0")
        connection.send_request(
            "POST", account, chunked(body[:50], body[50:]), Content_Type=KIND, Transfer_Encoding="chunked"
        )
        assert connection.read_response().status == 303
    assert [(name, size) for name, size, _ in names(shared_service, account)] == [("a.txt", 3)]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", END),
        ("multipart/form-data; boundary=", END),
        ("text/plain", b"hej"),
        (KIND, b"no boundary here at all" * 100),
        (KIND, part("file", b"hej", "a.txt")),  # never closed
        (KIND, part("file", b"hej", "a.txt") + END[:-5]),
        (KIND, b"--" + BOUNDARY.encode() + b"\r\n\r\nno name\r\n" + END),
        (KIND, part("with_code", b"1" * MIB) + part("file", b"hej", "a.txt") + END),
        (KIND, b"".join(part(f"f{n}", b"x") for n in range(3000)) + END),
        (KIND, part("file", b"hej", "a.txt", headers="X-A: b\r\n" * 50) + END),
        (KIND, part("file", b"hej", "a.txt", headers="X-A: " + "b" * 9000 + "\r\n") + END),
        (KIND, part("file", b"hej", "x" * 9000) + END),
    ],
)
def test_a_form_that_is_none_leaves_no_file(shared_service, account, kind, body):
    answer = send(shared_service, account, body, kind)
    assert answer.status in (400, 413), answer.status
    assert live(shared_service, account) == []
    assert "Traceback" not in shared_service.log_text()


def test_a_form_cut_in_its_file_discards_it_and_keeps_those_before(shared_service, account):
    body = NO_CODE + part("file", b"hej", "hel.txt") + part("file", os.urandom(MIB), "kapad.bin") + END
    with RawConnection(shared_service) as connection:
        connection.send_request(
            "POST", account, body[: MIB // 2], Content_Type=KIND, Content_Length=len(body)
        )
        connection.half_close()
        assert connection.read_response().status in (400, 503)
    assert [file["name"] for file in live(shared_service, account)] == ["hel.txt"]


def test_a_form_that_is_refused_before_its_choices_could_come_leaves_no_file(shared_service, account):
    body = part("file", b"hej", "hel.txt") + part("file", b"x", "\u200b") + CODE + END
    assert send(shared_service, account, body).status == 400
    assert live(shared_service, account) == []


def test_a_refusal_names_the_file_and_those_that_are_in(shared_service, account):
    body = NO_CODE + part("file", b"hej", "hel.txt") + part("file", b"x", "bild.png", BASE64) + END
    answer = send(shared_service, account, body)
    assert answer.status == 415
    marked = '<bdi translate="no">{}</bdi>'.format
    assert f"{marked('bild.png')}: Filen kunde inte laddas upp" in answer.text
    assert f"De här filerna kom fram: {marked('hel.txt')}." in answer.text
    assert [file["name"] for file in live(shared_service, account)] == ["hel.txt"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (BASE64, 415),
        ("Content-Transfer-Encoding: quoted-printable\r\n", 415),
        ("Content-Encoding: gzip\r\n", 415),
        ("Content-Transfer-Encoding: binary\r\n", 303),
        ("Content-Transfer-Encoding: 8BIT\r\n", 303),
        ("Content-Encoding: identity\r\n", 303),
    ],
)
def test_a_part_that_is_encoded_is_refused(shared_service, account, headers, status):
    assert send(shared_service, account, part("file", b"aGVq", "a.txt", headers) + END).status == status
    assert len(live(shared_service, account)) == (status == 303)


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("filename*=utf-8''r%C3%A5k.txt", "råk.txt"),
        ("filename=\"r%C3%A5k.txt\"; filename*=utf-8''r%C3%A5k.txt", "råk.txt"),
        ('filename="=?utf-8?B?csOlay50eHQ=?="', "råk.txt"),
    ],
)
def test_the_name_of_a_file_is_read_as_its_client_meant_it(shared_service, account, disposition, name):
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; {disposition}\r\n\r\n'
    assert send(shared_service, account, head.encode() + b"hej\r\n" + END).status == 303
    assert [file["name"] for file in live(shared_service, account)] == [name]


TUS = {"Tus-Resumable": "1.0.0"}
ALTERED = {
    "Content-Encoding": ("gzip", 415, "content_encoding"),
    "Content-Range": ("bytes 500-999/1000", 400, "content_range"),
}


@pytest.mark.parametrize("header", ALTERED)
def test_a_body_that_a_header_makes_something_else_is_refused_everywhere(shared_service, account, header):
    value, status, code = ALTERED[header]
    altered, data = {header: value}, b"x" * 500
    created = announce(shared_service, account, 500).location
    opaque = {"Content-Type": "application/offset+octet-stream"}
    ways = {
        "PUT": ("PUT", f"{account}/a.bin", data, {}),
        "PUT in chunks": ("PUT", f"{account}/b.bin", iter([data]), {}),
        "form": ("POST", account, part("file", data, "c.bin") + END, {"Content-Type": KIND}),
        "creation": ("POST", f"{account}/files", data, {**TUS, **opaque, "Upload-Length": "500"}),
        "PATCH": ("PATCH", created, data, {**TUS, **opaque, "Upload-Offset": "0"}),
    }
    for way, (method, path, body, headers) in ways.items():
        answer = shared_service.request(method, path, body, {**headers, **altered})
        assert answer.status == status, way
        if way != "form":
            assert json.loads(answer.text)["code"] == code
    assert [(file["size"], file["offset"]) for file in live(shared_service, account)] == [(500, 0)]


def test_a_range_that_is_the_whole_and_an_encoding_that_is_none_are_heeded(shared_service, account):
    headers = {"Content-Range": "bytes 0-499/500", "Content-Encoding": "identity"}
    assert shared_service.request("PUT", f"{account}/a.bin", b"x" * 500, headers).status == 201


@pytest.mark.full
def test_three_thousand_files_are_too_many(shared_service, account):
    body = b"".join(part("file", b"", f"{n}.txt") for n in range(2100)) + END
    with RawConnection(shared_service, seconds=110) as connection:
        connection.send_request("POST", account, body, Content_Type=KIND, Content_Length=len(body))
        assert connection.read_response().status in (400, 413)
    assert len(live(shared_service, account)) <= 1000


def test_the_size_of_a_file_is_counted_as_it_comes(make_service):
    from tests.parts.people import FORM, apply

    service = make_service(MAX_FILE_SIZE="1MiB").start()
    account = apply(service, FORM).location
    exact, over = bytes(MIB), bytes(MIB + 1)
    assert send_form(service, account, {"a.bin": exact}).status == 303
    assert send_form(service, account, {"b.bin": over}).status == 413
    for body, status in ((exact, 201), (over, 413)):
        assert service.request("PUT", f"{account}/c.bin", body).status == status
        assert service.request("PUT", f"{account}/d.bin", iter([body[:1000], body[1000:]])).status == status
    with RawConnection(service) as connection:
        connection.send_request(
            "POST",
            account,
            chunked(part("file", over, "e.bin") + END),
            Content_Type=KIND,
            Transfer_Encoding="chunked",
        )
        assert connection.read_response().status == 413
    created = service.request(
        "POST", f"{account}/files", b"", {"Tus-Resumable": "1.0.0", "Upload-Defer-Length": "1"}
    )
    with RawConnection(service) as connection:
        connection.send_patch(created.location, 0, chunked(over), length=None, Transfer_Encoding="chunked")
        assert connection.read_response().status == 413
    assert announce(service, account, MIB + 1).status == 413
    assert sorted((file["name"], file["size"]) for file in live(service, account) if file["size"]) == [
        ("a.bin", MIB),
        ("c.bin", MIB),
        ("d.bin", MIB),
    ]


def test_a_put_that_ends_short_leaves_no_file(shared_service, account):
    with RawConnection(shared_service) as connection:
        connection.send_request("PUT", f"{account}/kapad.bin", b"x" * 100, Content_Length=200)
        connection.half_close()
        assert connection.read_response().status in (400, 503)
    assert live(shared_service, account) == []


def test_a_refused_form_is_told_in_words(shared_service, account):
    answer = send(shared_service, account, b"x", "multipart/form-data")
    assert answer.status == 400
    assert answer.headers["Content-Type"].startswith("text/html")
    assert json.loads(shared_service.get(f"{account}/files").text)["files"] == []

"""The upload form without JavaScript, and malformed forms that no browser would send."""

import json
import os

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


def test_a_field_after_the_files_changes_nothing(shared_service, account):
    body = part("file", b"hej", "a.txt") + part("with_code", b"1") + END
    assert send(shared_service, account, body).status == 303
    assert [file["with_code"] for file in listed(shared_service, account)] == [False]


def test_a_field_between_two_files_is_for_the_second(shared_service, account):
    body = part("file", b"a", "a.txt") + part("with_code", b"1") + part("file", b"b", "b.txt") + END
    assert send(shared_service, account, body).status == 303
    assert [file["with_code"] for file in listed(shared_service, account)] == [False, True]


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
    body = part("file", b"hej", "hel.txt") + part("file", os.urandom(MIB), "kapad.bin") + END
    with RawConnection(shared_service) as connection:
        connection.send_request(
            "POST", account, body[: MIB // 2], Content_Type=KIND, Content_Length=len(body)
        )
        connection.half_close()
        assert connection.read_response().status in (400, 503)
    assert [file["name"] for file in live(shared_service, account)] == ["hel.txt"]


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

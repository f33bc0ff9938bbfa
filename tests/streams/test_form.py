"""The form without JavaScript, and what no browser would send in its place."""

import json
import os

import pytest

from tests.parts.people import BOUNDARY, announce, multipart, send_form
from tests.parts.raw import Line, chunked
from tests.streams.test_connection import MIB, listed

KIND = f"multipart/form-data; boundary={BOUNDARY}"


def send(house, account, body, kind=KIND):
    return house.request("POST", account, body, {"Content-Type": kind})


def part(name, value, filename=None, headers=""):
    file = f'; filename="{filename}"' if filename is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n{headers}\r\n'
    return head.encode() + value + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def names(house, account):
    return [(file["name"], file["size"], file["state"]) for file in listed(house, account)]


def live(house, account):
    return [file for file in listed(house, account) if file["state"] not in ("erasing", "erased")]


def test_files_are_taken_with_the_fields_before_them(wired, account):
    data = os.urandom(MIB)
    answer = send_form(wired, account, {"a.bin": data, "räv.txt": b"hej", "tom.txt": b""}, with_code="1")
    assert (answer.status, answer.location) == (303, account)
    assert [(file["name"], file["size"], file["with_code"]) for file in listed(wired, account)] == [
        ("a.bin", MIB, True), ("räv.txt", 3, True), ("tom.txt", 0, True)]  # fmt: skip


def test_a_field_after_the_files_changes_nothing(wired, account):
    body = part("file", b"hej", "a.txt") + part("with_code", b"1") + END
    assert send(wired, account, body).status == 303
    assert [file["with_code"] for file in listed(wired, account)] == [False]


def test_a_field_between_two_files_is_for_the_second(wired, account):
    body = part("file", b"a", "a.txt") + part("with_code", b"1") + part("file", b"b", "b.txt") + END
    assert send(wired, account, body).status == 303
    assert [file["with_code"] for file in listed(wired, account)] == [False, True]


def test_a_form_in_chunks_is_taken_too(wired, account):
    with Line(wired) as line:
        body = multipart({"a.txt": b"hej"}, with_code="0")
        line.ask("POST", account, chunked(body[:50], body[50:]), Content_Type=KIND,
                 Transfer_Encoding="chunked")  # fmt: skip
        assert line.answer().status == 303
    assert [(name, size) for name, size, _ in names(wired, account)] == [("a.txt", 3)]


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
def test_a_form_that_is_none_leaves_no_file(wired, account, kind, body):
    answer = send(wired, account, body, kind)
    assert answer.status in (400, 413), answer.status
    assert live(wired, account) == []
    assert "Traceback" not in wired.log_text()


def test_a_form_cut_in_its_file_discards_it_and_keeps_those_before(wired, account):
    body = part("file", b"hej", "hel.txt") + part("file", os.urandom(MIB), "kapad.bin") + END
    with Line(wired) as line:
        line.ask("POST", account, body[: MIB // 2], Content_Type=KIND, Content_Length=len(body))
        line.say_no_more()
        assert line.answer().status in (400, 503)
    assert [file["name"] for file in live(wired, account)] == ["hel.txt"]


@pytest.mark.full
def test_three_thousand_files_are_too_many(wired, account):
    body = b"".join(part("file", b"", f"{n}.txt") for n in range(2100)) + END
    with Line(wired, seconds=110) as line:
        line.ask("POST", account, body, Content_Type=KIND, Content_Length=len(body))
        assert line.answer().status in (400, 413)
    assert len(live(wired, account)) <= 1000


def test_the_size_of_a_file_is_counted_as_it_comes(make_house):
    from tests.parts.people import FORM, apply

    house = make_house(MAX_FILE_SIZE="1MiB").start()
    account = apply(house, FORM).location
    exact, over = bytes(MIB), bytes(MIB + 1)
    assert send_form(house, account, {"a.bin": exact}).status == 303
    assert send_form(house, account, {"b.bin": over}).status == 413
    for body, status in ((exact, 201), (over, 413)):
        assert house.request("PUT", f"{account}/c.bin", body).status == status
        assert house.request("PUT", f"{account}/d.bin", iter([body[:1000], body[1000:]])).status == status
    with Line(house) as line:
        line.ask("POST", account, chunked(part("file", over, "e.bin") + END), Content_Type=KIND,
                 Transfer_Encoding="chunked")  # fmt: skip
        assert line.answer().status == 413
    created = house.request(
        "POST", f"{account}/files", b"", {"Tus-Resumable": "1.0.0", "Upload-Defer-Length": "1"}
    )
    with Line(house) as line:
        line.append(created.location, 0, chunked(over), length=None, Transfer_Encoding="chunked")
        assert line.answer().status == 413
    assert announce(house, account, MIB + 1).status == 413
    assert sorted((file["name"], file["size"]) for file in live(house, account) if file["size"]) == [
        ("a.bin", MIB), ("c.bin", MIB), ("d.bin", MIB)]  # fmt: skip


def test_a_put_that_ends_short_leaves_no_file(wired, account):
    with Line(wired) as line:
        line.ask("PUT", f"{account}/kapad.bin", b"x" * 100, Content_Length=200)
        line.say_no_more()
        assert line.answer().status in (400, 503)
    assert live(wired, account) == []


def test_a_refused_form_is_told_in_words(wired, account):
    answer = send(wired, account, b"x", "multipart/form-data")
    assert answer.status == 400
    assert answer.headers["Content-Type"].startswith("text/html")
    assert json.loads(wired.get(f"{account}/files").text)["files"] == []

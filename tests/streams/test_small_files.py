"""A small file in one request: received at once if all of it is here, and else as any other upload."""

import base64
import hashlib
import json
import time

import pytest

from filsluss.streams.body import SMALL
from tests.parts.people import append, metadata
from tests.parts.raw_http import TUS_BODY, RawConnection
from tests.parts.storage import blobs, rows

HEADERS = {"Tus_Resumable": "1.0.0", "Content_Type": TUS_BODY}


def about(data, **more):
    length = {"Upload_Length": len(data), "Content_Length": len(data)}
    return {**HEADERS, **length, "Upload_Metadata": metadata(filename="liten.bin"), **more}


def checksum(data):
    return f"sha256 {base64.b64encode(hashlib.sha256(data).digest()).decode()}"


def row_of(service, where):
    asked = "SELECT state, size, acknowledged, arrived FROM filsluss_transferfile WHERE upload_id = '{}'"
    (found,) = rows(service, asked.format(where.rpartition("/")[2]))
    return found


def stored(service, where):
    return blobs(service)[where.rpartition("/")[2]].read_bytes()


def listed(service, account):
    return json.loads(service.get(f"{account}/files").text)["files"]


@pytest.mark.parametrize("size", [0, 1, 8_000, SMALL, SMALL + 1])
def test_a_file_of_any_size_that_comes_with_its_creation_is_whole(shared_service, account, size):
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    with RawConnection(shared_service) as connection:
        connection.send_request("POST", f"{account}/files", data, **about(data))
        response = connection.read_response()
    assert (response.status, response.headers["Upload-Offset"]) == (201, str(size))
    assert "Upload-Expires" not in response.headers
    assert row_of(shared_service, response.headers["Location"]) == ("received", size, size, size)
    assert stored(shared_service, response.headers["Location"]) == data


def test_one_that_dawdles_is_taken_as_any_other_upload(shared_service, account):
    data = b"0123456789" * 100
    with RawConnection(shared_service) as connection:
        connection.send_request("POST", f"{account}/files", data[:400], **about(data))
        time.sleep(0.4)
        connection.send(data[400:])
        response = connection.read_response()
    assert (response.status, response.headers["Upload-Offset"]) == (201, "1000")
    assert stored(shared_service, response.headers["Location"]) == data


@pytest.mark.parametrize("came", [0, 1, 999])
def test_one_that_breaks_off_is_an_unfinished_upload_of_what_came(shared_service, account, came):
    data = b"0123456789" * 100
    with RawConnection(shared_service) as connection:
        connection.send_request("POST", f"{account}/files", data[:came], **about(data))
        connection.half_close()
        response = connection.read_response()
    assert (response.status, response.code) == (503, "connection_reset")
    (file,) = listed(shared_service, account)
    assert (file["state"], file["offset"]) == ("uploading", came)
    where = f"{account}/files/{file['id']}"
    assert append(shared_service, where, came, data[came:]).status == 204
    assert stored(shared_service, where) == data


def test_the_next_request_on_the_connection_is_not_taken_for_its_bytes(shared_service, account):
    first, second = b"a" * 3000, b"b" * 2000
    with RawConnection(shared_service) as connection:
        connection.send_request("POST", f"{account}/files", first, **about(first))
        connection.send_request("POST", f"{account}/files", second, **about(second))
        places = [connection.read_response().headers["Location"] for _ in range(2)]
    assert [stored(shared_service, place) for place in places] == [first, second]


@pytest.mark.parametrize("part", [1, 40, 300, 700])
def test_a_request_of_which_a_part_follows_at_once_is_waited_for(shared_service, account, part):
    first, second = b"a" * 3000, b"b" * 600
    with RawConnection(shared_service) as connection:
        connection.send_request("POST", f"{account}/files", first, **about(first))
        places = [connection.read_response().headers["Location"]]
        with connection.in_parts(part, pause=0.1):
            connection.send_request("POST", f"{account}/files", second, **about(second))
        places.append(connection.read_response().headers["Location"])
    assert [stored(shared_service, place) for place in places] == [first, second]


@pytest.mark.parametrize("pause", [0, 0.1])
def test_a_page_that_follows_a_file_on_its_connection_is_answered(shared_service, account, pause):
    data = b"x" * 500
    with RawConnection(shared_service) as connection:
        for _ in range(2):
            connection.send_request("POST", f"{account}/files", data, **about(data))
            assert connection.read_response().status == 201
            time.sleep(pause)
            connection.send_request("HEAD", "/privacy")
            assert connection.read_response().status == 200


def test_one_that_expects_to_be_asked_is_asked(shared_service, account):
    data = b"x" * 500
    with RawConnection(shared_service) as connection:
        connection.send_request("POST", f"{account}/files", **about(data, Expect="100-continue"))
        assert connection.read_line() == b"HTTP/1.1 100 Continue"
        connection.read_line()
        connection.send(data)
        assert connection.read_response().headers["Upload-Offset"] == "500"


def test_a_wrong_checksum_leaves_nothing(shared_service, account):
    before = len(blobs(shared_service))
    for body, status in ((b"hej", 201), (b"nej", 460)):
        with RawConnection(shared_service) as connection:
            sent = about(body, Upload_Checksum=checksum(b"hej"))
            connection.send_request("POST", f"{account}/files", body, **sent)
            assert connection.read_response().status == status
    assert len(listed(shared_service, account)) == 1
    assert len(blobs(shared_service)) == before + 1


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"Upload_Metadata": "filename AA=="}, 400, "filename_invalid"),
        ({"Upload_Length": 2}, 413, "too_large"),
        ({"Upload_Concat": "partial"}, 400, "metadata_invalid"),
        ({"Tus_Resumable": "2.0.0"}, 412, "version_unsupported"),
        ({"Origin": "https://evil.example"}, 403, "forbidden_origin"),
    ],
)
def test_one_that_is_refused_leaves_nothing(shared_service, account, changes, status, code):
    before = len(blobs(shared_service))
    with RawConnection(shared_service) as connection:
        connection.send_request("POST", f"{account}/files", b"hej", **about(b"hej", **changes))
        response = connection.read_response()
    assert (response.status, response.code) == (status, code)
    assert (listed(shared_service, account), len(blobs(shared_service))) == ([], before)

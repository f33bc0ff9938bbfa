"""Every way in counts its bytes while they come: account, file and disk stop it, and the offset stays."""

import contextlib
import json
import os

import pytest

from tests.parts.disks import NoDisk, small
from tests.parts.people import FORM, announce, append, apply, offset_of, send_form, send_tus
from tests.parts.raw_http import RawConnection, chunked
from tests.parts.shared_service import start_shared_service
from tests.parts.storage import rows

MIB = 1 << 20
LIMIT = 4 * MIB
TUS = {"Tus-Resumable": "1.0.0"}
BODY_TYPE = "application/offset+octet-stream"


@pytest.fixture(scope="module")
def service(tmp_path_factory, database_server):
    """An account of it may hold 8 MiB, in one file, too."""
    folder = tmp_path_factory.mktemp("room")
    with start_shared_service(folder, database_server, MAX_TRANSFER_SIZE=str(2 * LIMIT)) as service:
        yield service


@pytest.fixture
def account(service):
    """Of which half is taken by a file."""
    location = apply(service, FORM).location
    assert send_tus(service, location, bytes(LIMIT), filename="first.bin").status == 204
    return location


def code_of(answer):
    return json.loads(answer.body)["code"]


def deferred(service, account, **headers):
    return service.request("POST", f"{account}/files", b"", {**TUS, "Upload-Defer-Length": "1", **headers})


def listed(service, account):
    return json.loads(service.get(f"{account}/files").text)


def append_chunked(service, where, offset, data, method="PATCH"):
    """A body without a length; the response, when the whole was sent or refused."""
    with RawConnection(service) as connection:
        pieces = [data[at : at + 100_000] for at in range(0, len(data), 100_000)]
        connection.send_patch(where, offset, length=None, Transfer_Encoding="chunked")
        with contextlib.suppress(OSError):  # it has said so already
            connection.send(chunked(*pieces))
        return connection.read_response()


@pytest.mark.parametrize("way", ["length", "chunked"])
def test_an_upload_of_unknown_length_stops_at_the_limit_of_the_account_and_keeps_its_offset(
    service, account, way
):
    where = deferred(service, account).location
    data = os.urandom(6 * MIB)
    if way == "length":
        with RawConnection(service) as connection:
            connection.send_patch(where, 0, length=len(data))
            with contextlib.suppress(OSError):
                connection.send(data)
            answer = connection.read_response()
    else:
        answer = append_chunked(service, where, 0, data)
    assert (answer.status, answer.code) == (413, "quota_exceeded")
    assert answer.headers["Upload-Offset"] == str(LIMIT)
    assert offset_of(service, where) == LIMIT
    seen = listed(service, account)
    assert (seen["room"], seen["files"][-1]["offset"]) == (0, LIMIT)
    assert append(service, where, LIMIT, b"x").status == 413
    assert deferred(service, account).status == 413
    assert announce(service, account, 1).status == 413
    assert service.request("DELETE", where, headers=TUS).status == 204
    assert listed(service, account)["room"] == LIMIT
    assert send_tus(service, account, b"hej").status == 204


def test_two_uploads_of_unknown_length_share_what_there_is(service, account):
    first, second = (deferred(service, account).location for _ in range(2))
    assert append(service, first, 0, bytes(3 * MIB)).status == 204
    assert append(service, second, 0, bytes(2 * MIB)).status == 413
    assert offset_of(service, second) == MIB
    assert append(service, second, MIB, b"", Upload_Length=str(2 * MIB)).status == 413
    assert append(service, second, MIB, b"", Upload_Length=str(MIB)).status == 204


def test_first_bytes_with_a_creation_of_unknown_length_count(service, account):
    headers = {"Content-Type": BODY_TYPE}
    with contextlib.suppress(OSError):
        answer = service.request(
            "POST", f"{account}/files", bytes(6 * MIB), {**TUS, "Upload-Defer-Length": "1", **headers}
        )
        assert (answer.status, code_of(answer)) == (413, "quota_exceeded")
    seen = listed(service, account)
    assert (seen["room"], [file["offset"] for file in seen["files"]]) == (0, [LIMIT, LIMIT])


@pytest.mark.parametrize("size", [3 * MIB, 6 * MIB])
def test_the_form_and_curl_are_stopped_too_and_leave_nothing(service, account, size):
    fits = size < LIMIT
    assert send_form(service, account, {"a.bin": bytes(size)}).status == (303 if fits else 413)
    assert listed(service, account)["room"] == (LIMIT - size if fits else LIMIT)
    if fits:
        assert send_form(service, account, {"b.bin": bytes(size)}).status == 413
        assert listed(service, account)["room"] == LIMIT - size


@pytest.mark.parametrize("size", [3 * MIB, 6 * MIB])
def test_a_put_without_a_length_is_stopped_too(service, account, size):
    pieces = [bytes(100_000)] * (size // 100_000)
    with RawConnection(service) as connection:
        head = (
            f"PUT {account}/a.bin HTTP/1.1\r\nHost: {service.url[7:]}\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        with contextlib.suppress(OSError):
            connection.send(head.encode() + chunked(*pieces))
        answer = connection.read_response()
    sent = sum(map(len, pieces))
    assert (answer.status, listed(service, account)["room"]) == (
        (201, LIMIT - sent) if sent < LIMIT else (413, LIMIT)
    )


def test_what_was_reserved_is_given_back_when_the_request_ends(service, account):
    where = deferred(service, account).location
    with RawConnection(service) as connection:
        connection.send_patch(where, 0, b"abc", length=None, Transfer_Encoding="chunked")
    assert offset_of(service, where) == 0
    name = where.rpartition("/")[2]
    asked = f"SELECT arrived, size FROM filsluss_transferfile WHERE upload_id = '{name}'"
    assert rows(service, asked) == [(0, None)]
    assert append(service, where, 0, b"abc").status == 204
    assert rows(service, asked) == [(3, None)]
    assert append(service, where, 3, b"", Upload_Length="3").status == 204
    assert rows(service, asked) == [(3, 3)]


@pytest.fixture
def full_of(make_service, tmp_path):
    """A service whose data folder with database, files and all lies on a disk of that many MiB."""
    with contextlib.ExitStack() as until_the_end:

        def make(mebibytes, **own):
            try:
                disk = until_the_end.enter_context(small(tmp_path, size=mebibytes << 20))
            except NoDisk as missing:
                pytest.skip(f"no disk that could be full: {missing}")
            service = make_service(DATA_DIR=str(disk / "data"), **own)
            service.data_dir = disk / "data"
            until_the_end.callback(lambda: service.kill() if service.process else None)
            return service.start(), disk

        yield make


@pytest.mark.parametrize("way", ["chunked", "announced", "put", "form"])
def test_no_way_in_takes_what_must_stay_free(full_of, way):
    service, disk = full_of(96, FREE_SPACE="25%")
    account = apply(service, FORM).location
    size = 128 * MIB
    if way == "announced":
        where = announce(service, account, 40 * MIB).location
        (disk / "stuffing").write_bytes(bytes(36 * MIB))
        with RawConnection(service) as connection:
            connection.send_patch(where, 0, length=40 * MIB)
            with contextlib.suppress(OSError):
                connection.send(bytes(40 * MIB))
            answer = connection.read_response()
            assert answer.status == 507
            assert not answer.body or answer.code == "disk_full"  # we may not have sent all of it yet
    elif way == "chunked":
        where = deferred(service, account).location
        answer = append_chunked(service, where, 0, bytes(size))
        assert (answer.status, answer.code) == (507, "disk_full")
        assert offset_of(service, where) == int(answer.headers["Upload-Offset"]) > 0
    else:
        with contextlib.suppress(OSError):
            answer = (
                send_form(service, account, {"a.bin": bytes(size)})
                if way == "form"
                else service.request("PUT", f"{account}/a.bin", bytes(size))
            )
            assert answer.status == 507
    free = os.statvfs(disk)
    assert free.f_bavail * free.f_frsize >= 96 * MIB * 0.25 - 2 * MIB
    assert service.get("/readyz").status in (200, 503)

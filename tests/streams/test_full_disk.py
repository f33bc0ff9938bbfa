"""A disk that fills up in the middle of a body: what was stored is kept, and goes on when there is room."""

import base64
import contextlib
import hashlib
import os

import pytest

from tests.parts.disks import NoDisk, small
from tests.parts.eventually import eventually
from tests.parts.people import FORM, announce, append, apply, offset_of, send_form
from tests.parts.raw_http import RawConnection, chunked
from tests.streams.test_connection import MIB, TUS, listed


@pytest.fixture
def small_disk(make_service, tmp_path):
    """A service whose files lie on a disk of 8 MiB, and that disk."""
    try:
        with small(tmp_path, size=8 << 20) as disk:
            service = make_service(BLOB_URL=(disk / "blobs").as_uri()).start()
            yield service, disk
            service.kill()
    except NoDisk as missing:
        pytest.skip(f"no disk that could be full: {missing}")


def fill(disk, leave):
    """Takes all room but that much."""
    free = os.statvfs(disk)
    with (disk / "stuffing").open("wb") as file:
        file.write(bytes(free.f_bavail * free.f_frsize - leave))


@pytest.mark.parametrize("way", ["fast", "chunked", "checksum"])
def test_an_upload_stops_where_the_disk_is_full_and_goes_on_when_there_is_room(small_disk, way):
    service, disk = small_disk
    account = apply(service, FORM).location
    data = os.urandom(4 * MIB)
    where = announce(service, account, len(data)).location
    assert append(service, where, 0, data[:MIB]).status == 204
    fill(disk, MIB)
    with RawConnection(service) as connection:
        if way == "chunked":
            pieces = [data[at : at + 200_000] for at in range(MIB, len(data), 200_000)]
            connection.send_patch(where, MIB, length=None, Transfer_Encoding="chunked")
            body = chunked(*pieces)
        else:
            right = base64.b64encode(hashlib.sha256(data[MIB:]).digest()).decode()
            summed = {"Upload_Checksum": f"sha256 {right}"} if way == "checksum" else {}
            connection.send_patch(where, MIB, length=3 * MIB, **summed)
            body = data[MIB:]
        with contextlib.suppress(OSError):  # it has said so already
            connection.send(body)
        response = connection.read_response()
    assert (response.status, response.code) == (507, "disk_full")
    kept = offset_of(service, where)
    assert kept == int(response.headers["Upload-Offset"])
    assert kept == MIB if way == "checksum" else MIB < kept < 3 * MIB
    assert service.get("/help").status == 200
    assert append(service, where, kept, data[kept:]).status == 507
    assert send_form(service, account, {"b.bin": bytes(3 * MIB)}).status == 507
    assert service.request("PUT", f"{account}/c.bin", bytes(3 * MIB)).status == 507
    (disk / "stuffing").unlink()
    kept = offset_of(service, where)
    assert append(service, where, kept, data[kept:]).status == 204
    assert await_ready_first(service, account)["sha256"] == hashlib.sha256(data).hexdigest()


def await_ready_first(service, account):
    live = [file for file in listed(service, account) if file["state"] not in ("erasing", "erased")]
    assert [file["size"] for file in live] == [4 * MIB]
    return eventually(lambda: listed(service, account)[0], lambda file: file["state"] == "ready")


def test_a_file_can_be_taken_back_while_the_disk_is_full(small_disk):
    service, disk = small_disk
    account = apply(service, FORM).location
    where = announce(service, account, 2 * MIB).location
    assert append(service, where, 0, bytes(MIB)).status == 204
    fill(disk, 0)
    assert announce(service, account, 5).status == 507
    assert service.request("DELETE", where, headers=TUS).status == 204
    service.run_worker()
    assert [file["state"] for file in listed(service, account)] == ["erased"]

"""A disk that fills up in the midst of a body: what was stored is kept, and goes on when there is room."""

import base64
import contextlib
import hashlib
import os
import time

import pytest

from tests.parts.disks import NoDisk, small
from tests.parts.people import FORM, announce, append, apply, offset_of, send_form
from tests.parts.raw import Line, chunked
from tests.streams.test_connection import MIB, TUS, listed


@pytest.fixture
def tight(make_house, tmp_path):
    """A house whose files lie on a disk of 8 MiB, and that disk."""
    try:
        with small(tmp_path, size=8 << 20) as disk:
            house = make_house(BLOB_URL=(disk / "blobs").as_uri()).start()
            yield house, disk
            house.kill()
    except NoDisk as missing:
        pytest.skip(f"no disk that could be full: {missing}")


def fill(disk, leave):
    """Takes all room but that much."""
    free = os.statvfs(disk)
    with (disk / "stuffing").open("wb") as file:
        file.write(bytes(free.f_bavail * free.f_frsize - leave))


@pytest.mark.parametrize("way", ["fast", "chunked", "checksum"])
def test_an_upload_stops_where_the_disk_is_full_and_goes_on_when_there_is_room(tight, way):
    house, disk = tight
    account = apply(house, FORM).location
    data = os.urandom(4 * MIB)
    where = announce(house, account, len(data)).location
    assert append(house, where, 0, data[:MIB]).status == 204
    fill(disk, MIB)
    with Line(house) as line:
        if way == "chunked":
            pieces = [data[at : at + 200_000] for at in range(MIB, len(data), 200_000)]
            line.append(where, MIB, length=None, Transfer_Encoding="chunked")
            body = chunked(*pieces)
        else:
            right = base64.b64encode(hashlib.sha256(data[MIB:]).digest()).decode()
            summed = {"Upload_Checksum": f"sha256 {right}"} if way == "checksum" else {}
            line.append(where, MIB, length=3 * MIB, **summed)
            body = data[MIB:]
        with contextlib.suppress(OSError):  # it has said so already
            line.say(body)
        said = line.answer()
    assert (said.status, said.code) == (507, "disk_full")
    kept = offset_of(house, where)
    assert kept == int(said.headers["Upload-Offset"])
    assert kept == MIB if way == "checksum" else MIB < kept < 3 * MIB
    assert house.get("/help").status == 200
    assert append(house, where, kept, data[kept:]).status == 507
    assert send_form(house, account, {"b.bin": bytes(3 * MIB)}).status == 507
    assert house.request("PUT", f"{account}/c.bin", bytes(3 * MIB)).status == 507
    (disk / "stuffing").unlink()
    kept = offset_of(house, where)
    assert append(house, where, kept, data[kept:]).status == 204
    assert await_ready_first(house, account)["sha256"] == hashlib.sha256(data).hexdigest()


def await_ready_first(house, account):
    live = [file for file in listed(house, account) if file["state"] not in ("erasing", "erased")]
    assert [file["size"] for file in live] == [4 * MIB]
    end = time.monotonic() + 60
    while (file := listed(house, account)[0])["state"] != "ready" and time.monotonic() < end:
        time.sleep(0.1)
    return file


def test_a_file_can_be_taken_back_while_the_disk_is_full(tight):
    house, disk = tight
    account = apply(house, FORM).location
    where = announce(house, account, 2 * MIB).location
    assert append(house, where, 0, bytes(MIB)).status == 204
    fill(disk, 0)
    assert announce(house, account, 5).status == 507
    assert house.request("DELETE", where, headers=TUS).status == 204
    house.work()
    assert [file["state"] for file in listed(house, account)] == ["erased"]

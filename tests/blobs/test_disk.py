"""What the disk store promises: one writer, true offsets, and bytes that are gone when they are erased."""

import errno
import hashlib
import multiprocessing
import os
import socket
import threading
import time
import zlib
from datetime import UTC, datetime

import pytest

from filsluss.blobs import BlobBusy, BlobDamaged, BlobMissing, StoreFull, open_store
from filsluss.blobs.disk import DiskStore
from filsluss.rules.tokens import draw_upload_id


@pytest.fixture
def disk(tmp_path):
    return DiskStore(tmp_path / "blobs")


@pytest.fixture
def blob(disk):
    name = draw_upload_id()
    disk.create(name)
    return name


def test_a_blob_is_empty_until_something_is_written(disk, blob):
    assert (disk.size(blob), disk.exists(blob)) == (0, True)


def test_what_is_written_is_read_back_with_its_digests(disk, blob):
    with disk.writer(blob) as writer:
        writer.write(b"abc")
        writer.write(memoryview(b"def"))
        writer.sync()
        assert writer.offset == 6
    with disk.open(blob) as file:
        assert file.read() == b"abcdef"
    assert disk.digests(blob) == (hashlib.sha256(b"abcdef").hexdigest(), zlib.crc32(b"abcdef"))


def test_a_blob_may_be_put_whole(disk):
    name = draw_upload_id()
    disk.put(name, b"abcdef")
    assert disk.open(name).read() == b"abcdef"
    with pytest.raises(FileExistsError):
        disk.put(name, b"other")
    assert disk.open(name).read() == b"abcdef"


@pytest.mark.parametrize("call", ["pwrite", "fdatasync", "fsync"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_blob_that_cannot_be_put_is_not_there(disk, monkeypatch, call, error):
    def fail(*words):
        raise OSError(error, os.strerror(error))

    name = draw_upload_id()
    disk.create(name[:-1] + "x")  # its folder is made and synced
    monkeypatch.setattr(os, call, fail)
    expected = StoreFull if error == errno.ENOSPC else BlobDamaged if call == "fdatasync" else OSError
    with pytest.raises(expected):
        disk.put(name, b"abcdef")
    assert not disk.exists(name)


def test_a_writer_goes_on_where_the_last_one_stopped(disk, blob):
    for piece in (b"one", b"two"):
        with disk.writer(blob) as writer:
            writer.write(piece)
    assert disk.open(blob).read() == b"onetwo"


def test_a_name_is_never_a_path(disk):
    for name in ("../../../../etc/passwd", "a" * 21, "a" * 23, "a/b" + "c" * 19, ""):
        with pytest.raises(BlobMissing):
            disk.open(name)


def test_the_same_blob_is_not_made_twice(disk, blob):
    with pytest.raises(FileExistsError):
        disk.create(blob)


def test_an_erased_blob_is_gone_and_erasing_it_again_is_harmless(disk, blob):
    disk.erase(blob)
    disk.erase(blob)
    assert not disk.exists(blob)
    assert list(disk.names()) == []
    with pytest.raises(BlobMissing), disk.writer(blob):
        pass


def test_truncating_forgets_the_rest(disk, blob):
    with disk.writer(blob) as writer:
        writer.write(b"abcdef")
        writer.truncate(2)
        writer.write(b"X")
    assert disk.open(blob).read() == b"abX"


def test_names_tells_every_blob_and_when_it_was_touched(disk, blob):
    ((name, touched),) = disk.names()
    assert name == blob
    assert abs((datetime.now(UTC) - touched).total_seconds()) < 60


def test_being_written_is_seen_from_outside_without_disturbing(disk, blob):
    assert not disk.is_being_written(blob)
    with disk.writer(blob) as writer:
        assert disk.is_being_written(blob)
        writer.write(b"x")
    assert not disk.is_being_written(blob)


def test_a_newer_writer_makes_the_older_release(disk, blob):
    stopped = threading.Event()
    held = threading.Event()

    def older():
        with disk.writer(blob, on_release_asked=stopped.set) as writer:
            writer.write(b"old")
            held.set()
            assert stopped.wait(5)

    thread = threading.Thread(target=older)
    thread.start()
    assert held.wait(5)
    with disk.writer(blob) as writer:
        assert writer.offset == 3
    thread.join()


def test_a_late_release_request_meant_for_an_earlier_holder_stops_no_later_one(disk, blob):
    """Or a client that asks for the offset and goes on at once would be stopped by its own question."""
    other, moved, heard = draw_upload_id(), threading.Event(), threading.Event()
    disk.create(other)
    before = time.monotonic_ns()
    with disk.writer(blob, on_release_asked=moved.set), disk.writer(other, on_release_asked=heard.set):
        (socket_name,) = os.listdir(disk.root / "locks")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as requester:
            requester.connect(str(disk.root / "locks" / socket_name))
            requester.send(f"{blob} {before}".encode())
            requester.send(f"{other} {time.monotonic_ns()}".encode())
        assert heard.wait(10)
        assert not moved.is_set()


def test_a_holder_that_does_not_release_leaves_the_newer_with_busy(disk, blob):
    with disk.writer(blob), pytest.raises(BlobBusy), disk.writer(blob, patience=0.1):
        pass


def hold_until_release_asked(root, name, holding):
    stopped = threading.Event()
    with DiskStore(root).writer(name, on_release_asked=stopped.set) as writer:
        writer.write(b"other process")
        holding.set()
        stopped.wait(10)


def test_a_release_request_reaches_another_process(disk, blob):
    spawn = multiprocessing.get_context("spawn")
    holding = spawn.Event()
    other = spawn.Process(target=hold_until_release_asked, args=(disk.root, blob, holding))
    other.start()
    assert holding.wait(20)
    with disk.writer(blob) as writer:
        assert writer.offset == len(b"other process")
    other.join(10)
    assert other.exitcode == 0


def test_a_killed_holder_is_never_waited_for(disk, blob):
    spawn = multiprocessing.get_context("spawn")
    holding = spawn.Event()
    other = spawn.Process(target=hold_until_release_asked, args=(disk.root, blob, holding))
    other.start()
    assert holding.wait(20)
    other.kill()
    other.join(10)
    with disk.writer(blob, patience=1) as writer:
        assert writer.offset == len(b"other process")
    assert len(os.listdir(disk.root / "locks")) == 1


def test_erasing_takes_the_blob_from_whoever_writes_it(disk, blob):
    stopped = threading.Event()
    held = threading.Event()

    def older():
        with disk.writer(blob, on_release_asked=stopped.set) as writer:
            held.set()
            stopped.wait(5)
            writer.write(b"late")

    thread = threading.Thread(target=older)
    thread.start()
    assert held.wait(5)
    disk.erase(blob)
    thread.join()
    assert not disk.exists(blob)


def test_whoever_waited_for_a_blob_that_is_erased_meanwhile_finds_it_missing(disk, blob):
    answers = []

    def late():
        try:
            with disk.writer(blob):
                answers.append("written")
        except BlobMissing:
            answers.append("missing")

    with disk.writer(blob):
        thread = threading.Thread(target=late)
        thread.start()
        time.sleep(0.1)
        disk._path(blob).unlink()
    thread.join()
    assert answers == ["missing"]


def test_a_store_of_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="no blob store"):
        open_store("gopher://somewhere")


def test_twenty_writers_in_turn_leave_every_byte_in_one_place(disk, blob):
    def write(number):
        with disk.writer(blob, patience=20) as writer:
            start = writer.offset
            for _ in range(8):
                writer.write(bytes([number]) * 512)
            assert writer.offset == start + 4096

    threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data = disk.open(blob).read()
    pieces = [data[at : at + 4096] for at in range(0, len(data), 4096)]
    assert sorted(pieces) == [bytes([number]) * 4096 for number in range(20)]

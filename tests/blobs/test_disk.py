"""What is said of the disk alone: the sockets of its locker, and what the kernel answers to a sync."""

import contextlib
import errno
import os
import socket
import threading
import time

import pytest

from filsluss.blobs import BlobBusy, BlobDamaged, BlobMissing, StoreFull, erase_held, open_locker
from filsluss.blobs.disk import DiskStore
from filsluss.blobs.locks import FlockLocker
from filsluss.rules.tokens import draw_upload_id


@pytest.fixture
def disk(tmp_path):
    return DiskStore(tmp_path / "blobs")


@pytest.fixture
def blob(disk):
    name = draw_upload_id()
    disk.create(name)
    return name


@pytest.fixture
def locker_at(disk):
    """The locker of a machine of that name; all share the folder."""
    return lambda host: FlockLocker(disk.root / "locks", disk.path, host=host)


def sockets(disk, host):
    with contextlib.suppress(FileNotFoundError):
        return sorted(os.listdir(disk.root / "locks" / host))
    return []


@pytest.mark.parametrize("call", ["pwrite", "fdatasync", "fsync"])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_blob_that_cannot_be_put_is_not_there(disk, monkeypatch, call, error):
    def fail(*_words):
        raise OSError(error, os.strerror(error))

    name = draw_upload_id()
    disk.create(name[:-1] + "x")  # its folder is made and synced
    monkeypatch.setattr(os, call, fail)
    expected = StoreFull if error == errno.ENOSPC else BlobDamaged if call == "fdatasync" else OSError
    with pytest.raises(expected):
        disk.put(name, b"abcdef")
    assert not disk.exists(name)


def leave_dead_socket(disk, host):
    """As a process that was killed does; on another machine, every socket looks like this."""
    folder = disk.root / "locks" / host
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead, contextlib.chdir(folder):
        dead.bind("1-1")  # a socket's path holds 108 bytes


def wait_in_vain(locker, blob):
    """Asks a holder that does not listen, until it gives up."""
    with locker.hold(blob), pytest.raises(BlobBusy), locker.hold(blob, patience=0.1):
        pass


def test_the_socket_of_a_process_that_ended_goes_and_another_machines_stays(disk, blob, locker_at):
    for host in ("here", "there"):
        leave_dead_socket(disk, host)
    wait_in_vain(locker_at("here"), blob)
    assert (sockets(disk, "here"), sockets(disk, "there")) == ([], ["1-1"])


def test_a_machine_is_heard_by_its_own_after_another_has_asked_in_vain(disk, blob, locker_at):
    here, there, heard = locker_at("here"), locker_at("there"), threading.Event()
    with here.hold(blob, on_release_asked=heard.set):
        listening = sockets(disk, "here")
        with pytest.raises(BlobBusy), there.hold(blob, patience=0.1):
            pass
        assert (len(listening), sockets(disk, "here"), heard.is_set()) == (1, listening, False)
        with pytest.raises(BlobBusy), here.hold(blob, patience=0.1):
            pass
        assert heard.wait(60)


def test_the_sockets_of_the_service_lie_in_the_folder_of_this_boot(disk, blob):
    locker = open_locker(disk.root.as_uri())
    with open("/proc/sys/kernel/random/boot_id") as file:
        boot = file.read().strip()
    with locker.hold(blob, on_release_asked=lambda: None):
        assert len(sockets(disk, boot)) == 1


def test_a_late_request_meant_for_an_earlier_holder_stops_no_later_one(disk, blob, locker_at, monkeypatch):
    here, other, moved, heard = locker_at("here"), draw_upload_id(), threading.Event(), threading.Event()
    disk.create(other)
    before = time.monotonic_ns()
    with here.hold(blob, on_release_asked=moved.set), here.hold(other, on_release_asked=heard.set):
        (name,) = sockets(disk, "here")
        monkeypatch.chdir(disk.root / "locks" / "here")  # a socket's path holds 108 bytes
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as requester:
            requester.connect(name)
            requester.send(f"{blob} {before}".encode())
            requester.send(f"{other} {time.monotonic_ns()}".encode())
        assert heard.wait(10)
        assert not moved.is_set()


# What the kernel says of a failed write it says once: the next sync succeeds, and proves nothing.


class FailsOnce:
    """A system call that fails the first time; the kernel's second answer is the truth of the first."""

    def __init__(self, real, code):
        self._real, self._code, self.tried = real, code, 0

    def __call__(self, *given):
        self.tried += 1
        if self.tried == 1:
            raise OSError(self._code, os.strerror(self._code))
        return self._real(*given)


@pytest.fixture
def failing(monkeypatch):
    def fail(call, code=errno.EIO):
        fault = FailsOnce(getattr(os, call), code)
        monkeypatch.setattr(os, call, fault)
        return fault

    return fail


@pytest.mark.parametrize(
    ("code", "raised"), [(errno.EIO, BlobDamaged), (errno.ENOSPC, StoreFull), (errno.EDQUOT, StoreFull)]
)
def test_what_could_not_be_synced_is_dropped_and_no_later_sync_vouches_for_it(
    disk, blob, failing, code, raised
):
    with disk.writer(blob) as writer:
        writer.write(b"kept")
        writer.sync()
        writer.write(b" and lost")
        failing("fdatasync", code)
        with pytest.raises(raised):
            writer.sync(keep=4)
        assert writer.offset == 4
        writer.sync()
    assert disk.open(blob).read() == b"kept"


def test_without_a_word_of_what_was_kept_nothing_is(disk, blob, failing):
    with disk.writer(blob) as writer:
        writer.write(b"abc")
        failing("fdatasync")
        with pytest.raises(BlobDamaged):
            writer.sync()
    assert disk.size(blob) == 0


def test_an_erasure_whose_sync_failed_is_done_again_and_not_believed(
    disk, blob, failing, monkeypatch, tmp_path
):
    unlinked, unlink = [], os.unlink
    failing("fsync")
    monkeypatch.setattr(os, "unlink", lambda path, **how: (unlinked.append(str(path)), unlink(path, **how)))
    locker = FlockLocker(tmp_path / "locks", disk.path, host="here")
    with pytest.raises(OSError, match="Input/output error"):
        erase_held(blob, store=disk, locker=locker)
    erase_held(blob, store=disk, locker=locker)
    assert unlinked == [str(disk.path(blob))] * 2
    assert not disk.exists(blob)


def test_a_creation_whose_sync_failed_is_no_blob_of_anybodys_and_the_next_has_another_name(
    disk, blob, failing
):
    name = next(name for name in iter(draw_upload_id, "") if name[0] == blob[0])
    failing("fsync")
    with pytest.raises(OSError, match="Input/output error"):
        disk.create(name)
    with pytest.raises(FileExistsError):
        disk.create(name)


def test_a_folder_whose_sync_failed_is_made_anew(tmp_path, failing):
    disk, name = DiskStore(tmp_path / "new"), draw_upload_id()
    failing("fsync")
    with pytest.raises(OSError, match="Input/output error"):
        disk.create(name)
    assert list(disk.root.iterdir()) == []
    disk.create(name)
    assert disk.exists(name)


def test_a_full_disk_refuses_a_blob(disk, blob, failing):
    failing("fsync", errno.ENOSPC)
    with pytest.raises(StoreFull):
        disk.create(next(name for name in iter(draw_upload_id, "") if name[0] == blob[0]))


def test_the_lease_of_another_blob_leads_no_writer_into_that_one(disk, blob, locker_at):
    other = draw_upload_id()
    disk.create(other)
    with locker_at("one").hold(other) as lease, disk.writer(blob, lease) as writer:
        writer.write(b"bytes")
    assert (disk.size(blob), disk.size(other)) == (5, 0)


def test_a_name_that_is_none_is_missing(disk):
    with pytest.raises(BlobMissing):
        disk.path("locks")


def test_a_file_that_is_no_blob_has_no_name_in_the_store(disk, blob):
    (disk.path(blob).parent / f"{blob}.swp").write_bytes(b"an editor's")
    assert [name for name, _ in disk.names()] == [blob]

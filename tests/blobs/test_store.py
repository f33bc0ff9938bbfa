"""What any store promises: true offsets, bytes that last, and bytes that are gone when they are erased."""

import hashlib
import os
import threading
import time
import zlib
from datetime import UTC, datetime

import pytest

from filsluss.blobs import BlobMissing, erase_held, held_writer, open_locker, open_store
from filsluss.rules.tokens import draw_upload_id

MIB = 1 << 20
PART = 8 * MIB
"""What a store may do in parts, it does in parts of this size (`s3_writer.PART`)."""


def test_a_blob_is_empty_until_something_is_written(store, blob):
    assert (store.size(blob), store.exists(blob)) == (0, True)


def test_what_is_written_is_read_back_with_its_digests(store, blob):
    with store.writer(blob) as writer:
        writer.write(b"abc")
        writer.write(memoryview(b"def"))
        writer.sync()
        writer.sync()
        assert writer.offset == 6
    with store.open(blob) as file:
        assert file.read() == b"abcdef"
    assert store.digests(blob) == (hashlib.sha256(b"abcdef").hexdigest(), zlib.crc32(b"abcdef"))


def test_a_writer_goes_on_where_the_last_one_stopped(store, blob):
    for piece in (b"one", b"two"):
        with store.writer(blob) as writer:
            writer.write(piece)
    assert store.open(blob).read() == b"onetwo"


@pytest.mark.parametrize("name", ["../../../../etc/passwd", "a" * 21, "a" * 23, "a/b" + "c" * 19, ""])
def test_a_name_is_never_a_path(store, locker, name):
    for verb in (store.open, store.create, store.size, store.digests, store.erase):
        with pytest.raises(BlobMissing):
            verb(name)
    with pytest.raises(BlobMissing):
        store.put(name, b"abc")
    with pytest.raises(BlobMissing), store.writer(name):
        pass
    with pytest.raises(BlobMissing), locker.hold(name):
        pass
    assert (store.exists(name), locker.is_held(name)) == (False, False)


def test_the_same_blob_is_not_made_twice(store, blob):
    with pytest.raises(FileExistsError):
        store.create(blob)


def test_a_blob_that_is_put_is_whole_and_no_other_takes_its_name(store, blob):
    name = draw_upload_id()
    store.put(name, b"abcdef")
    assert store.open(name).read() == b"abcdef"
    for taken, kept in ((name, b"abcdef"), (blob, b"")):
        with pytest.raises(FileExistsError):
            store.put(taken, b"other")
        assert store.open(taken).read() == kept


def test_an_empty_blob_can_be_put_and_what_was_put_is_written_on_and_erased(store, blob):
    name = draw_upload_id()
    store.put(name, memoryview(b""))
    with store.writer(name) as writer:
        writer.write(b"abc")
    assert store.open(name).read() == b"abc"
    store.erase(name)
    assert [left for left, _ in store.names()] == [blob]


def test_what_is_missing_is_missing_by_every_verb(store):
    name = draw_upload_id()
    assert not store.exists(name)
    for verb in (store.open, store.size, store.digests):
        with pytest.raises(BlobMissing):
            verb(name)
    with pytest.raises(BlobMissing), store.writer(name):
        pass


def test_an_erased_blob_is_gone_and_erasing_it_again_is_harmless(store, blob):
    for _ in range(2):
        store.erase(blob)
        assert not store.exists(blob)
        assert list(store.names()) == []


def test_what_never_was_can_be_erased(store, blob):
    never = draw_upload_id()
    store.erase(never)
    assert [name for name, _ in store.names()] == [blob]


def test_whoever_has_an_erased_blob_open_gets_no_more_bytes(kind, store, blob):
    with store.writer(blob) as writer:
        writer.write(b"abcdef")
    with store.open(blob) as reader:
        assert reader.raw.read(2) == b"ab"
        store.erase(blob)
        time.sleep(kind.notices_erasure_after)
        assert reader.raw.read(2) == b""


def test_truncating_forgets_the_rest(store, blob):
    with store.writer(blob) as writer:
        writer.write(b"abcdef")
        writer.truncate(2)
        writer.write(b"X")
    assert store.open(blob).read() == b"abX"


def test_bytes_that_the_kernel_moves_come_as_those_that_are_written(store, blob):
    """As connection.splice does: into the descriptor, at the writer's position."""
    data = os.urandom(PART + MIB)
    source, pipe = os.pipe()
    with store.writer(blob) as writer:
        while writer.offset < len(data):
            size = min(writer.allowed(), 1 << 16, len(data) - writer.offset)
            os.write(pipe, data[writer.offset : writer.offset + size])
            writer.moved(os.splice(source, writer.fileno(), size, offset_dst=writer.position))
    os.close(source)
    os.close(pipe)
    assert store.open(blob).read() == data


@pytest.mark.parametrize("size", [0, 5, PART - 1, PART, PART + 7])
def test_what_is_cut_off_is_gone_wherever_the_cut_is_and_the_rest_goes_on(store, blob, size):
    data = os.urandom(PART + MIB)
    with store.writer(blob) as writer:
        writer.write(data)
        writer.sync()
        writer.truncate(size)
        assert (writer.offset, store.size(blob)) == (size, size)
        writer.write(b"and on")
    assert store.open(blob).read() == data[:size] + b"and on"


def test_a_writer_that_ends_with_an_error_keeps_what_was_synced(store, blob):
    with pytest.raises(ZeroDivisionError), store.writer(blob) as writer:  # noqa: PT012
        writer.write(b"kept")
        writer.sync()
        writer.write(b"lost")
        raise ZeroDivisionError
    assert store.open(blob).read().startswith(b"kept")


@pytest.mark.parametrize("size", [PART - 1, PART, PART + 1, 2 * PART])
@pytest.mark.parametrize("piece", [PART, PART - 1, 3 * MIB])
def test_a_blob_is_whole_whatever_its_size_and_its_requests(store, blob, size, piece):
    """Also of one part, of none but full ones, and where a request ends with a part."""
    data = os.urandom(size)
    for at in range(0, size, piece):
        with store.writer(blob) as writer:
            assert writer.offset == at
            writer.write(data[at : at + piece])
    assert store.size(blob) == size
    assert store.open(blob).read() == data


def test_names_tells_every_blob_and_when_it_was_touched(store, blob):
    ((name, touched),) = store.names()
    assert name == blob
    assert abs((datetime.now(UTC) - touched).total_seconds()) < 60


def test_a_writer_asks_how_far_it_may_go(store, blob):
    class Piecewise:
        def allowed(self, offset: int) -> int:
            if offset >= 5:
                raise InterruptedError
            return 2

    with store.writer(blob) as writer:
        writer.allowance = Piecewise()
        with pytest.raises(InterruptedError):
            writer.write(b"0123456789")
        assert writer.offset == 6
    assert store.size(blob) == 6


def test_there_is_some_space(store):
    free, total = store.space()
    assert 0 < free <= total


def test_a_store_of_an_unknown_kind_is_refused():
    for opened in (open_store, open_locker):
        with pytest.raises(ValueError, match="no blob store"):
            opened("gopher://somewhere")


def test_what_was_made_in_vain_is_discarded_and_its_name_is_free_of_bytes(store, locker):
    for make in (store.create, lambda name: store.put(name, b"abc")):
        name = draw_upload_id()
        make(name)
        store.discard(name)
        assert not store.exists(name)
        with pytest.raises(BlobMissing):
            store.open(name)


def test_erasing_takes_the_blob_from_whoever_writes_it(store, locker, blob):
    stopped, held = threading.Event(), threading.Event()

    def older():
        with held_writer(blob, store=store, locker=locker, on_release_asked=stopped.set) as (writer, _):
            held.set()
            stopped.wait(60)
            writer.write(b"late")

    thread = threading.Thread(target=older)
    thread.start()
    assert held.wait(60)
    erase_held(blob, store=store, locker=locker)
    thread.join()
    assert not store.exists(blob)
    erase_held(blob, store=store, locker=locker)


def test_twenty_writers_in_turn_leave_every_byte_in_one_place(store, locker, blob):
    def write(number):
        with held_writer(blob, store=store, locker=locker, patience=20) as (writer, _):
            start = writer.offset
            for _ in range(8):
                writer.write(bytes([number]) * 512)
            assert writer.offset == start + 4096

    threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data = store.open(blob).read()
    pieces = [data[at : at + 4096] for at in range(0, len(data), 4096)]
    assert sorted(pieces) == [bytes([number]) * 4096 for number in range(20)]

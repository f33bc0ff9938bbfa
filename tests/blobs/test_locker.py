"""What any locker promises: one holder of a blob at a time, and that the newer one comes to it."""

import os
import signal
import threading
import time

import pytest

from filsluss.blobs import BlobBusy, BlobMissing
from filsluss.rules.tokens import draw_upload_id
from tests.blobs.holders import held_elsewhere, other_process


def test_whoever_comes_later_gets_it_and_the_older_is_asked_to_let_go(locker, blob):
    with held_elsewhere(locker, blob) as asked, locker.hold(blob):
        assert asked.is_set()


def test_a_holder_that_does_not_release_leaves_the_newer_with_busy(locker, blob):
    with held_elsewhere(locker, blob, listens=False) as asked:
        began = time.monotonic()
        with pytest.raises(BlobBusy), locker.hold(blob, patience=0.2):
            pass
        assert 0.2 <= time.monotonic() - began < 30
        assert locker.is_held(blob)
        assert not asked.is_set()
    with locker.hold(blob, patience=0):
        pass


def test_without_patience_it_is_busy_at_once(locker, blob):
    with held_elsewhere(locker, blob), pytest.raises(BlobBusy), locker.hold(blob, patience=0):
        pass


def test_a_lease_ends_with_its_block_however_that_ends(locker, blob):
    with pytest.raises(ZeroDivisionError), locker.hold(blob):
        raise ZeroDivisionError
    with locker.hold(blob, patience=0):
        pass


def test_of_two_blobs_neither_waits_for_the_other(locker, store, blob):
    other = draw_upload_id()
    store.create(other)
    with locker.hold(blob), locker.hold(other, patience=0):
        assert (locker.is_held(blob), locker.is_held(other)) == (True, True)


def test_that_it_is_held_is_seen_without_disturbing(locker, blob):
    assert not locker.is_held(blob)
    with held_elsewhere(locker, blob) as asked:
        assert locker.is_held(blob)
        assert not asked.wait(0.1)
    assert not locker.is_held(blob)


def test_what_is_missing_is_held_by_nobody(locker, store):
    name = draw_upload_id()
    assert not locker.is_held(name)
    for patience in (0, 5):
        with pytest.raises(BlobMissing), locker.hold(name, patience=patience):
            pass


def test_whoever_waited_for_a_blob_that_is_erased_meanwhile_finds_it_missing(locker, store, blob):
    answers = []

    def late():
        try:
            with locker.hold(blob):
                answers.append("held")
        except BlobMissing:
            answers.append("missing")

    with locker.hold(blob):
        thread = threading.Thread(target=late)
        thread.start()
        time.sleep(0.1)
        store.erase(blob)
    thread.join()
    assert answers == ["missing"]


def test_the_next_holder_is_not_stopped_by_what_was_asked_of_the_last(locker, blob):
    """Or a client that asks for the offset and goes on at once would be stopped by its own question."""
    for _ in range(5):
        with held_elsewhere(locker, blob), locker.hold(blob):
            pass
        stopped = threading.Event()
        with locker.hold(blob, on_release_asked=stopped.set):
            assert not stopped.wait(0.05)


def test_of_thirty_who_want_it_never_two_have_it(locker, blob):
    inside, most, turns = 0, 0, []

    def take(number):
        nonlocal inside, most
        with locker.hold(blob, patience=30) as lease:
            inside += 1
            most = max(most, inside)
            time.sleep(0.002)
            turns.append(lease.epoch)
            inside -= 1

    threads = [threading.Thread(target=take, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, len(turns)) == (1, 30)
    numbers = [epoch for epoch in turns if epoch is not None]
    assert numbers == sorted(set(numbers))
    assert len(numbers) in (0, 30)


def test_a_request_to_release_reaches_another_process(kind, locker, store, blob):
    with other_process(kind, blob) as other:
        with locker.hold(blob), store.writer(blob) as writer:
            assert writer.offset == len(b"other process")
        other.join(10)
        assert other.exitcode == 0


def test_a_forked_child_hears_what_is_asked_of_it(kind, locker, store, blob):
    """The web server's workers are forked from a process that may have held something itself."""
    with held_elsewhere(locker, blob), locker.hold(blob):
        pass
    with other_process(kind, blob, "fork") as other:
        with locker.hold(blob):
            assert store.size(blob) == len(b"other process")
        other.join(10)
        assert other.exitcode == 0


def test_a_killed_holder_is_never_waited_for(kind, locker, store, blob):
    with other_process(kind, blob) as other:
        other.kill()
        other.join(10)
        with locker.hold(blob, patience=1):
            assert store.size(blob) == len(b"other process")


def test_a_suspended_holder_keeps_it_and_the_newer_is_told_that_it_is_busy(kind, locker, blob):
    """Whoever wakes up again must not find that somebody else has written meanwhile."""
    with other_process(kind, blob) as other:
        os.kill(other.pid, signal.SIGSTOP)
        try:
            with pytest.raises(BlobBusy), locker.hold(blob, patience=0.3):
                pass
        finally:
            os.kill(other.pid, signal.SIGCONT)
        with locker.hold(blob, patience=5):
            pass

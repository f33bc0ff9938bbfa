"""What any locker promises: one holder of a blob at a time, and that the newer one comes to it."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from unittest.mock import Mock

import psycopg
import pytest

from filsluss.blobs import BlobBusy, BlobMissing, LeaseLost, held_writer
from filsluss.blobs.leases import PostgresLocker
from filsluss.rules.tokens import draw_upload_id


@contextlib.contextmanager
def held_elsewhere(locker, name, **how):
    """Another thread holds it, until it is asked to release it or the block ends; yields what it saw."""
    asked, held, over = threading.Event(), threading.Event(), threading.Event()

    def release():
        asked.set()
        over.set()

    def hold():
        with locker.hold(name, on_release_asked=release if how.get("listens", True) else None):
            held.set()
            over.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(60)
    try:
        yield asked
    finally:
        over.set()
        thread.join()


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


def hold_until_asked(kind, name, holding):
    """In a process of its own: writes a word, and lets go when it is asked to."""
    stopped = threading.Event()
    hold = kind.open_locker().hold(name, on_release_asked=stopped.set)
    with hold as lease, kind.open_store().writer(name, lease) as writer:
        writer.write(b"other process")
        writer.sync()
        holding.set()
        stopped.wait(10)


@contextlib.contextmanager
def other_process(kind, name, how="spawn"):
    context = multiprocessing.get_context(how)
    holding = context.Event()
    other = context.Process(target=hold_until_asked, args=(kind, name, holding))
    other.start()
    try:
        assert holding.wait(20)
        yield other
    finally:
        other.kill()
        other.join(10)


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


def test_a_stalled_holder_is_cut_off_after_three_seconds_where_leases_have_numbers(bucket_kind):
    store, locker, blob = bucket_kind.open_store(), bucket_kind.open_locker(), draw_upload_id()
    store.create(blob)
    with other_process(bucket_kind, blob) as other:
        os.kill(other.pid, signal.SIGSTOP)
        began = time.monotonic()
        with locker.hold(blob, patience=5) as lease, store.writer(blob, lease) as writer:
            assert 3 <= time.monotonic() - began < 30
            writer.write(b" and what came after")
            writer.sync()
            os.kill(other.pid, signal.SIGCONT)
            other.join(11)  # it ends, as nobody asks it any more
            assert locker.is_held(blob), "the end of an earlier lease is not the end of ours"
    assert store.open(blob).read() == b"other process and what came after"


def test_who_waits_for_several_one_after_the_other_cuts_off_none_of_them(bucket_kind):
    store, locker, blob = bucket_kind.open_store(), bucket_kind.open_locker(), draw_upload_id()
    store.create(blob)
    seen = []

    def take():
        with locker.hold(blob, patience=30) as lease:
            time.sleep(1)
            seen.append((lease.epoch, locker.is_held(blob)))

    threads = [threading.Thread(target=take) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(epoch for epoch, _ in seen) == [epoch for epoch, _ in seen]
    assert all(held for _, held in seen)


def test_a_listener_that_lost_its_connection_hears_again(bucket_kind):
    store, locker, blob = bucket_kind.open_store(), bucket_kind.open_locker(), draw_upload_id()
    store.create(blob)
    with locker.hold(blob):
        pass
    with psycopg.connect(bucket_kind.database, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE '%pg_backend_pid()' AND pid <> pg_backend_pid()"
        )
    time.sleep(1.5)
    with held_elsewhere(locker, blob) as asked, locker.hold(blob):
        assert asked.is_set()


def test_who_waits_for_the_listener_holds_no_connection():
    database = Mock()
    database.listener.identity.side_effect = lambda patience: ""
    with pytest.raises(BlobBusy), PostgresLocker(database).hold("a blob"):
        pass
    names = [name for name, *_ in database.mock_calls if name in ("listener.identity", "let_go")]
    assert names == ["listener.identity", "let_go", "listener.identity"]


def test_a_number_is_never_given_again_to_rows_that_went_back_in_time(bucket_kind):
    """As where a standby takes over that lacks the last lease, whose holder may still write."""
    store, locker, blob = bucket_kind.open_store(), bucket_kind.open_locker(), draw_upload_id()
    store.create(blob)
    with locker.hold(blob) as old, psycopg.connect(bucket_kind.database, autocommit=True) as rows:
        rows.execute("UPDATE filsluss_blob SET epoch = 0, holder = '' WHERE name = %s", [blob])
        with held_writer(blob, store=store, locker=locker) as (newer, _):
            newer.write(b"newer")
        with pytest.raises(LeaseLost), store.writer(blob, old):
            pass
    assert store.open(blob).read() == b"newer"

"""What is said of leases with numbers alone: they are taken from holders that stall."""

import os
import signal
import threading
import time

import psycopg
import pytest

from tests.blobs.holders import held_elsewhere, other_process
from tests.blobs.kinds import BucketKind


@pytest.fixture
def kind(bucket_kind: BucketKind) -> BucketKind:
    return bucket_kind


def test_a_stalled_holder_is_cut_off_after_three_seconds_where_leases_have_numbers(kind, store, locker, blob):
    with other_process(kind, blob) as other:
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


def test_who_waits_for_several_one_after_the_other_cuts_off_none_of_them(kind, store, locker, blob):
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


def test_a_listener_that_lost_its_connection_hears_again(kind, store, locker, blob):
    with locker.hold(blob):
        pass
    with psycopg.connect(kind.database, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE '%pg_backend_pid()' AND pid <> pg_backend_pid()"
        )
    time.sleep(1.5)
    with held_elsewhere(locker, blob) as asked, locker.hold(blob):
        assert asked.is_set()

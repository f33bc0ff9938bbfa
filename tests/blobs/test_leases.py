"""What is said of leases with numbers alone: they are taken from holders that stall."""

import os
import signal
import threading
import time
from unittest.mock import Mock

import psycopg
import pytest

from filsluss.blobs import BlobBusy, LeaseLost, held_writer
from filsluss.blobs.leases import PostgresLocker
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


def test_who_waits_for_the_listener_holds_no_connection():
    database = Mock()
    database.listener.identity.side_effect = lambda patience: ""
    with pytest.raises(BlobBusy), PostgresLocker(database).hold("a blob"):
        pass
    names = [name for name, *_ in database.mock_calls if name in ("listener.identity", "let_go")]
    assert names == ["listener.identity", "let_go", "listener.identity"]


def test_a_number_is_never_given_again_to_rows_that_went_back_in_time(kind, store, locker, blob):
    """As where a standby takes over that lacks the last lease, whose holder may still write."""
    with locker.hold(blob) as old, psycopg.connect(kind.database, autocommit=True) as rows:
        rows.execute("UPDATE filsluss_blob SET epoch = 0, holder = '' WHERE name = %s", [blob])
        with held_writer(blob, store=store, locker=locker) as (newer, _):
            newer.write(b"newer")
        with pytest.raises(LeaseLost), store.writer(blob, old):
            pass
    assert store.open(blob).read() == b"newer"

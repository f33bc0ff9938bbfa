"""What only a store in a bucket has: parts, versions, and writers that were cut off."""

import io
import os
from datetime import timedelta

import pytest

from filsluss.blobs import LeaseLost, StoreAway, StoreRefused, held_writer
from filsluss.blobs.bucket import BLOCK, Bucket
from filsluss.blobs.bucket_address import BucketAddress
from filsluss.blobs.bucket_rules import faults_of
from filsluss.blobs.part_table import draw_part
from filsluss.blobs.s3 import S3Store
from filsluss.blobs.s3_writer import PART, Region
from filsluss.rules.tokens import draw_upload_id
from tests.blobs.kinds import BucketKind, cut_off
from tests.parts.seaweed import ACCESS_KEY, READER_KEY, SECRET_KEY

MIB = 1 << 20


@pytest.fixture
def kind(bucket_kind: BucketKind) -> BucketKind:
    return bucket_kind


def sizes(store, blob):
    return [part.size for part in store.table.read(blob)[1]]


def test_a_large_blob_leaves_in_parts_and_is_read_from_anywhere(store, blob, seaweed, bucket_name):
    data = os.urandom(2 * PART + 3 * MIB)
    with store.writer(blob) as writer:
        for at in range(0, len(data), MIB):
            writer.write(data[at : at + MIB])
        assert store.size(blob) == 2 * PART
    assert sizes(store, blob) == [PART, PART, 3 * MIB]
    assert len(seaweed.keys(bucket_name)) == 3
    with store.open(blob) as file:
        for start, size in ((0, 10), (PART - 5, 10), (2 * PART - MIB, 2 * MIB), (len(data) - 3, 3)):
            file.seek(start)
            assert file.read(size) == data[start : start + size]
        file.seek(0)
        assert file.read() == data


def test_a_list_of_several_pages_is_read_to_its_end(store, blob):
    """Of two entries each, where a store gives a thousand."""
    for at in range(5):
        store.bucket.put(draw_part(blob, at, 1).key, io.BytesIO(b"x"), size=1)
    events = store.bucket.client().meta.events
    for listed in ("ListObjectVersions", "ListObjectsV2"):
        events.register(f"provide-client-params.s3.{listed}", lambda params, **_: {**params, "MaxKeys": 2})
    assert len(list(store.bucket.versions(f"{blob}/"))) == 5
    assert len(list(store.bucket._versions("list_objects_v2", f"{blob}/"))) == 5
    store.erase(blob)
    assert list(store.bucket.versions(f"{blob}/")) == []


def test_a_writer_reads_the_end_of_the_table_alone(store, blob):
    with store.writer(blob) as writer:
        for size in (PART, PART, MIB):
            writer.write(bytes(size))
    epoch, parts = store.table.read_end(blob, PART)
    assert [(part.start, part.size) for part in parts] == [(2 * PART, MIB)]
    assert store.table.read_end(blob, 1 << 40) == store.table.read(blob)
    assert store.table.read(blob)[0] == epoch
    assert store.size(blob) == 2 * PART + MIB


def test_a_part_is_sent_in_large_blocks(store, blob, monkeypatch):
    """The library has no setting for it: whether it still takes our word is seen here."""
    sent, read = [], Region.read

    def noted(region, size):
        found = read(region, size)
        sent.append(len(found))
        return found

    monkeypatch.setattr(Region, "read", noted)
    with store.writer(blob) as writer:
        writer.write(bytes(PART))
    assert set(sent) == {BLOCK, 0}


def test_many_small_appends_leave_few_parts(store, blob, seaweed, bucket_name):
    for number in range(40):
        with store.writer(blob) as writer:
            writer.write(bytes([number]) * 1000)
    assert store.open(blob).read() == b"".join(bytes([number]) * 1000 for number in range(40))
    assert len(sizes(store, blob)) <= 6
    assert len(seaweed.keys(bucket_name)) == len(sizes(store, blob))


def test_a_writer_that_was_cut_off_changes_nothing_and_leaves_no_bytes(
    store, locker, blob, seaweed, bucket_name
):
    with locker.hold(blob) as old, pytest.raises(LeaseLost), store.writer(blob, old) as late:  # noqa: PT012
        late.write(b"late")
        cut_off(locker, blob)
        with held_writer(blob, store=store, locker=locker) as (newer, lease):
            assert lease.epoch > old.epoch
            newer.write(b"newer")
        late.sync()
    assert store.open(blob).read() == b"newer"
    assert len(seaweed.keys(bucket_name)) == 1
    with pytest.raises(LeaseLost), store.writer(blob, old):
        pass


def test_a_writer_that_was_cut_off_cannot_truncate(store, locker, blob):
    with store.writer(blob) as writer:
        writer.write(b"kept")
    with locker.hold(blob) as old, store.writer(blob, old) as late:
        cut_off(locker, blob)
        with locker.hold(blob), pytest.raises(LeaseLost):
            late.truncate(1)
    assert store.open(blob).read() == b"kept"


def other_store(store, kind, *, bucket="", endpoint="", keys=(READER_KEY, SECRET_KEY)):
    address = BucketAddress.of(kind.url)
    address = BucketAddress(bucket or address.bucket, address.prefix, endpoint or address.endpoint)
    return S3Store(Bucket(address, lambda: keys), store.table)


def test_what_the_store_refuses_is_said_in_one_line(store, kind, blob):
    for wrong, said in (
        (other_store(store, kind), "AccessDenied"),
        (other_store(store, kind, keys=("nobody", "x" * 20)), "InvalidAccessKeyId"),
    ):
        with pytest.raises(StoreRefused, match=said) as refused:
            wrong.put(draw_upload_id(), b"abc")
        assert "\n" not in str(refused.value)
    with pytest.raises(StoreRefused, match="there is no bucket not-there"):
        other_store(store, kind, bucket="not-there", keys=(ACCESS_KEY, SECRET_KEY)).bucket.look()


def test_a_store_that_is_not_there_is_away_and_what_was_stored_before_is_kept(store, kind, blob):
    with store.writer(blob) as writer:
        writer.write(b"kept")
    away = other_store(store, kind, endpoint="http://127.0.0.1:9")
    assert (away.answers(), store.answers()) == (False, True)
    with pytest.raises(StoreAway), away.writer(blob) as writer:  # noqa: PT012
        writer.write(b" and lost")
        try:
            writer.sync()
        finally:
            assert writer.offset == 4
    assert store.open(blob).read() == b"kept"
    with pytest.raises(StoreAway):
        away.erase(blob)
    assert store.exists(blob)


def faults(store, *, days=32):
    return list(faults_of(store.bucket, kept_for=timedelta(days=days), now=store.table.clock()))


def test_a_bucket_that_may_be_used_has_no_fault(store):
    assert faults(store) == []


def test_a_bucket_with_object_lock_is_a_fault(store, kind, seaweed):
    seaweed.make_bucket("locked", ObjectLockEnabledForBucket=True)
    (fault,) = faults(other_store(store, kind, bucket="locked", keys=(ACCESS_KEY, SECRET_KEY)))
    assert "object lock" in fault
    seaweed.drop_bucket("locked")


@pytest.mark.parametrize(("days", "is_fault"), [(7, True), (40, False)])
def test_a_lifecycle_that_is_shorter_than_an_account_is_a_fault(store, seaweed, bucket_name, days, is_fault):
    rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": days}}
    seaweed.client().put_bucket_lifecycle_configuration(
        Bucket=bucket_name, LifecycleConfiguration={"Rules": [rule]}
    )
    assert [f"after {days} days" in fault for fault in faults(store)] == [True] * is_fault


def test_a_clock_that_is_minutes_apart_is_a_fault(store):
    now = store.table.clock() + timedelta(minutes=10)
    (fault,) = faults_of(store.bucket, kept_for=timedelta(days=32), now=now)
    assert "clock" in fault

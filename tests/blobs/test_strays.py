"""Objects in a bucket that are of no blob, or of none any more: they go, and nothing else does."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from filsluss.blobs import BlobBusy, LeaseLost, StoreAway, erase_held, erase_stray_held, s3
from filsluss.blobs.part_table import draw_part
from filsluss.rules.tokens import draw_upload_id
from tests.blobs.kinds import BucketKind, cut_off


@pytest.fixture
def kind(bucket_kind: BucketKind) -> BucketKind:
    return bucket_kind


def later():
    return datetime.now(UTC) + timedelta(hours=1)


def test_every_version_and_every_mark_is_erased(store, locker, blob, seaweed, bucket_name):
    seaweed.client().put_bucket_versioning(Bucket=bucket_name, VersioningConfiguration={"Status": "Enabled"})
    for number in range(8):
        with store.writer(blob) as writer:
            writer.write(b"x" * (100 + number))
    other = draw_upload_id()
    store.put(other, b"stays")
    assert len(list(store.bucket.versions(f"{blob}/"))) > 8
    erase_held(blob, store=store, locker=locker)
    assert list(store.bucket.versions(f"{blob}/")) == []
    assert (store.exists(blob), store.open(other).read()) == (False, b"stays")


def test_older_versions_and_marks_of_what_was_merged_are_strays(store, locker, blob, seaweed, bucket_name):
    seaweed.client().put_bucket_versioning(Bucket=bucket_name, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        with store.writer(blob) as writer:
            writer.write(b"x" * 100)
    found = list(store.strays(later()))
    assert len(found) == 2  # the first object, and the mark that it was deleted
    for stray in found:
        erase_stray_held(stray, store=store, locker=locker)
    assert list(store.strays(later())) == []
    assert store.open(blob).read() == b"x" * 200


def test_an_object_of_no_part_is_a_stray_once_it_is_old(store, locker, blob, seaweed, bucket_name):
    with store.writer(blob) as writer:
        writer.write(b"kept")
    for part in (draw_part(blob, 4, 4), draw_part(draw_upload_id(), 0, 4)):
        seaweed.client().put_object(Bucket=bucket_name, Key=f"files/{part.key}", Body=b"late")
    assert list(store.strays(datetime.now(UTC) - timedelta(hours=1))) == []
    found = list(store.strays(later()))
    assert len(found) == 2
    for stray in found:
        erase_stray_held(stray, store=store, locker=locker)
    assert len(seaweed.keys(bucket_name)) == 1
    assert store.open(blob).read() == b"kept"


def test_a_writer_that_slept_until_its_object_was_erased_as_a_stray_cannot_tell_of_it(store, locker, blob):
    with locker.hold(blob) as old, pytest.raises(LeaseLost), store.writer(blob, old):  # noqa: PT012
        part = draw_part(blob, 0, 4)
        store.bucket.put(part.key, io.BytesIO(b"late"), size=4)
        (stray,) = store.strays(later())
        with pytest.raises(BlobBusy):
            erase_stray_held(stray, store=store, locker=locker)
        assert list(store.strays(later())) == [stray]
        cut_off(locker, blob)
        erase_stray_held(stray, store=store, locker=locker)
        assert list(store.strays(later())) == []
        store.table.add(blob, part, epoch=old.epoch)
    assert store.size(blob) == 0


def test_what_has_become_a_part_since_it_was_listed_is_no_stray(store, locker, blob):
    part = draw_part(blob, 0, 4)
    store.bucket.put(part.key, io.BytesIO(b"late"), size=4)
    (stray,) = store.strays(later())
    with locker.hold(blob) as lease:
        store.table.add(blob, part, epoch=lease.epoch)
    erase_stray_held(stray, store=store, locker=locker)
    assert store.open(blob).read() == b"late"


def test_bytes_that_are_erased_while_they_are_put_are_not_said_to_be_there(store, locker, monkeypatch):
    put = store.bucket.put

    def put_and_sleep(*given, **named):
        put(*given, **named)
        (stray,) = store.strays(later())
        erase_stray_held(stray, store=store, locker=locker)

    monkeypatch.setattr(store.bucket, "put", put_and_sleep)
    name = draw_upload_id()
    with pytest.raises(StoreAway):
        store.put(name, b"abc")
    assert not store.exists(name)


def test_a_blob_of_more_objects_than_rounds_is_erased_and_a_list_that_stays_as_it_is_ends(
    store, blob, monkeypatch
):
    monkeypatch.setattr(s3, "MOST_DELETED", 1)
    monkeypatch.setattr(s3, "ROUNDS", 3)
    for _ in range(6):
        store.bucket.put(draw_part(blob, 0, 4).key, io.BytesIO(b"late"), size=4)
    with monkeypatch.context() as in_vain:
        in_vain.setattr(store.bucket, "delete", lambda versions: None)
        with pytest.raises(StoreAway, match="goes on listing"):
            store.erase(blob)
    assert store.exists(blob)
    store.erase(blob)
    assert (store.exists(blob), list(store.bucket.versions(f"{blob}/"))) == (False, [])


def test_objects_of_others_in_the_bucket_are_left_alone(store, blob, seaweed, bucket_name):
    """Also those of an installation whose prefix begins with ours."""
    theirs = [
        "files/dump.sql",
        f"files/{blob}",
        f"files/{blob}/notes.txt",
        f"files/trial/{draw_part(draw_upload_id(), 0, 4).key}",
    ]
    for key in theirs:
        seaweed.client().put_object(Bucket=bucket_name, Key=key, Body=b"kept")
    assert list(store.strays(later())) == []
    assert sorted(seaweed.keys(bucket_name)) == sorted(theirs)

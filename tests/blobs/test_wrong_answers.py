"""A store that answers with other bytes than it was asked for, or another in its place: none is believed."""

import os

import pytest
from botocore.response import StreamingBody
from urllib3.exceptions import SSLError

from filsluss.blobs import ObjectMissing, ObjectRefused, StoreAway, StoreFull, StoreRefused
from filsluss.blobs.bucket import Bucket
from filsluss.blobs.bucket_address import BucketAddress
from filsluss.blobs.s3 import S3Store
from filsluss.rules.tokens import draw_upload_id
from tests.blobs.kinds import BucketKind
from tests.parts.faulty_store import FaultyStore
from tests.parts.seaweed import ACCESS_KEY, SECRET_KEY

DATA = os.urandom(1 << 20)
OTHER_BYTES = ("whole", "other range")


@pytest.fixture
def kind(bucket_kind: BucketKind) -> BucketKind:
    return bucket_kind


@pytest.fixture
def between(seaweed):
    proxy = FaultyStore(seaweed.port)
    yield proxy
    proxy.close()


@pytest.fixture
def faulty(store, kind, between):
    """The same store, by way of the proxy, whose errors are not waited for."""
    address = BucketAddress.of(kind.url)
    address = BucketAddress(address.bucket, address.prefix, f"http://127.0.0.1:{between.port}")
    return S3Store(Bucket(address, lambda: (ACCESS_KEY, SECRET_KEY)), store.table)


@pytest.mark.parametrize("fault", OTHER_BYTES)
def test_bytes_of_another_range_are_not_taken_for_those_that_were_asked_for(
    store, faulty, between, blob, fault
):
    with store.writer(blob) as writer:
        writer.write(DATA)
    between.fail(fault, "GET")
    with faulty.open(blob) as file:
        file.seek(7)
        with pytest.raises(StoreAway, match="other bytes"):
            file.read(100)
    with pytest.raises(StoreAway):
        faulty.digests(blob)


@pytest.mark.parametrize("fault", [*OTHER_BYTES, "more"])
def test_a_remainder_that_comes_back_otherwise_is_not_stored_with_what_follows(
    store, faulty, between, blob, fault
):
    with store.writer(blob) as writer:
        writer.write(DATA)
    between.fail(fault, "GET")
    with pytest.raises(StoreAway), faulty.writer(blob) as writer:
        writer.write(DATA)
    assert between.met, "the store was asked"
    assert store.open(blob).read() == DATA


def test_bytes_that_come_after_those_that_were_asked_for_are_left(store, faulty, between, blob):
    with store.writer(blob) as writer:
        writer.write(DATA)
    between.fail("more", "GET")
    with faulty.open(blob) as file:
        assert file.read() == DATA


def test_bytes_that_break_off_in_tls_are_read_on_from_there(store, blob, monkeypatch):
    with store.writer(blob) as writer:
        writer.write(DATA)
    broken, read = [], StreamingBody.read

    def breaking(stream, size):
        if len(broken) < 2:
            broken.append(size)
            raise SSLError("decryption failed or bad record mac")
        return read(stream, size)

    monkeypatch.setattr(StreamingBody, "read", breaking)
    assert store.open(blob).read() == DATA
    assert len(broken) == 2
    broken.clear()
    with pytest.raises(StoreAway), store.writer(blob) as writer:
        writer.write(DATA)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_list_or_a_deletion_that_answers_with_a_page_is_a_store_that_is_away(
    store, faulty, between, blob, method
):
    with store.writer(blob) as writer:
        writer.write(DATA)
    between.fail("no XML", method)
    with pytest.raises(StoreAway) as away:
        faulty.erase(blob)
    assert "\n" not in str(away.value)
    assert store.exists(blob)


def test_a_page_that_is_not_found_is_no_blob_that_is_missing(store, faulty, between, blob):
    with store.writer(blob) as writer:
        writer.write(DATA)
    between.fail("no such page", "GET", "PUT", "POST", "DELETE", "HEAD")
    for act in (
        lambda: faulty.open(blob).read(),
        lambda: faulty.digests(blob),
        lambda: faulty.put(draw_upload_id(), b"abc"),
        lambda: faulty.erase(blob),
        faulty.bucket.look,
    ):
        with pytest.raises(StoreAway) as away:
            act()
        assert not isinstance(away.value, StoreRefused)
    assert faulty.answers() is False
    assert store.open(blob).read() == DATA


def test_a_store_that_lacks_an_object_says_nothing_of_the_blob(store, faulty, between, blob):
    with store.writer(blob) as writer:
        writer.write(DATA)
    between.fail("no such key", "GET", "PUT")
    for act in (lambda: faulty.open(blob).read(), lambda: faulty.digests(blob)):
        with pytest.raises(ObjectMissing, match="NoSuchKey"):
            act()
    with pytest.raises(ObjectMissing), faulty.writer(blob) as writer:
        writer.write(DATA)
    assert faulty.size(blob) == len(DATA)
    with pytest.raises(StoreRefused) as refused:
        faulty.put(draw_upload_id(), b"abc")
    assert not isinstance(refused.value, ObjectMissing)
    between.heal()
    with faulty.writer(blob) as writer:
        writer.write(DATA)
    assert store.open(blob).read() == DATA + DATA


def test_a_store_that_leads_elsewhere_is_not_followed(faulty, between):
    between.fail("redirect", "GET", "PUT", "HEAD", "POST")
    for act in (lambda: faulty.put(draw_upload_id(), b"abc"), faulty.bucket.look):
        with pytest.raises(StoreRefused, match="TemporaryRedirect"):
            act()
    assert between.met <= 3, "each is asked once, and the bucket a second time for the reason"


def test_what_is_refused_of_one_object_says_nothing_of_the_next(faulty, between, blob, store):
    with store.writer(blob) as writer:
        writer.write(DATA)
    between.fail("denied", "GET")
    with pytest.raises(ObjectRefused, match="AccessDenied"):
        faulty.open(blob).read()
    between.fail("wrong key", "GET", "HEAD")
    for act in (lambda: faulty.open(blob).read(), faulty.bucket.look):
        with pytest.raises(StoreRefused, match="InvalidAccessKeyId") as refused:
            act()
        assert not isinstance(refused.value, ObjectRefused)


def test_what_a_list_does_not_have_is_erased_if_the_rows_have_it(store, faulty, between, blob, seaweed, kind):
    bucket = BucketAddress.of(kind.url).bucket
    with store.writer(blob) as writer:
        writer.write(DATA)
    assert len(seaweed.keys(bucket)) == 1
    between.fail("empty list", "GET")
    faulty.erase(blob)
    assert between.met, "the store was asked"
    assert seaweed.keys(bucket) == []
    assert not store.exists(blob)


def test_what_is_not_there_any_more_is_deleted(store, faulty, between, blob):
    """As some stores call that an error, and an erasure may be repeated."""
    with store.writer(blob) as writer:
        writer.write(DATA)
    store.bucket.delete(list(store.bucket.versions(f"{blob}/")))
    between.fail("was gone", "POST")
    faulty.erase(blob)
    assert between.met, "the store was asked"
    assert not store.exists(blob)


def test_a_full_store_is_full_for_what_is_stored_and_away_for_all_else(store, faulty, between, blob):
    """What was stored together with its remainder stays stored, though the remainder cannot be deleted."""
    with store.writer(blob) as writer:
        writer.write(DATA)
    between.fail("full", "DELETE", "POST")
    with faulty.writer(blob) as writer:
        writer.write(DATA)
    assert store.open(blob).read() == DATA + DATA
    with pytest.raises(StoreAway):
        faulty.erase(blob)
    between.fail("full", "PUT")
    with pytest.raises(StoreFull):
        faulty.put(draw_upload_id(), b"abc")

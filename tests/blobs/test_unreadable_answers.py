"""Answers of a store in which something lacks or cannot be read: each of them is a store that is away."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from filsluss.blobs import StoreAway
from filsluss.blobs.bucket import Bucket, Version
from filsluss.blobs.bucket_address import BucketAddress
from filsluss.blobs.bucket_rules import faults_of
from tests.parts.scripted_store import ScriptedStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RANGE = {"Content-Range": "bytes 0-9/10"}
ENTRY = """<{kind}><Key>files/one/1</Key><VersionId>7</VersionId><IsLatest>true</IsLatest>
<LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>10</Size></{kind}>"""
LISTED = ENTRY.format(kind="Version") + ENTRY.format(kind="DeleteMarker")
LIST = f"<ListVersionsResult>{LISTED}</ListVersionsResult>"


@pytest.fixture
def scripted():
    store = ScriptedStore()
    yield store
    store.close()


@pytest.fixture
def bucket(scripted):
    address = BucketAddress("bucket", "files/", f"http://127.0.0.1:{scripted.port}")
    return Bucket(address, lambda: ("access", "secret"))


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        ("2026-01-01T00:00:00.000Z", "yesterday"),
        ("2026-01-01T00:00:00.000Z", ""),
        ("2026-01-01T00:00:00.000Z", "2026-13-45T00:00:00Z"),
        ("2026-01-01T00:00:00.000Z", "99999999999999999"),
        ("<LastModified>2026-01-01T00:00:00.000Z</LastModified>", ""),
        ("<Key>files/one/1</Key>", ""),
        ("<Key>files/one/1</Key>", "<Key>files/one/1</Key><Key>files/one/2</Key>"),
        ("<VersionId>7</VersionId>", "<VersionId>7</VersionId><VersionId>8</VersionId>"),
        ("<Size>10</Size>", "<Size>ten</Size>"),
        (LIST, "<Error><Code><Sub>x</Sub></Code></Error>"),
        (LIST, LIST[:200]),
    ],
)
def test_a_list_that_makes_no_sense_is_a_store_that_is_away(scripted, bucket, part, instead):
    assert part in LIST
    scripted.body = LIST.replace(part, instead).encode()
    with pytest.raises(StoreAway) as away:
        list(bucket.versions("one/"))
    assert "\n" not in str(away.value)


@pytest.mark.parametrize("listed", ["files/two/1", "elsewhere/one/1", "one/1"])
def test_what_was_not_asked_for_is_not_taken_for_what_was(scripted, bucket, listed):
    """It would be erased: a store that passes over the prefix lists everybody's objects."""
    scripted.body = LIST.replace("files/one/1", listed).encode()
    with pytest.raises(StoreAway):
        list(bucket.versions("one/"))


def test_a_time_without_a_zone_is_utc(scripted, bucket):
    scripted.body = LIST.replace("00.000Z", "00").encode()
    assert list(bucket.versions("one/")) == [
        Version("one/1", "7", is_current, NOW) for is_current in (True, False)
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {"Last-Modified": "yesterday"},
        {"x-amz-missing-meta": "many"},
        {"x-amz-mp-parts-count": "x"},
        {"x-amz-object-lock-retain-until-date": "never"},
    ],
)
def test_bytes_whose_headers_make_no_sense_are_not_taken(scripted, bucket, headers):
    scripted.status, scripted.headers, scripted.body = 206, {**RANGE, **headers}, b"0123456789"
    with pytest.raises(StoreAway):
        bucket.get("one/1", 0, 10)


def test_an_acknowledgement_that_makes_no_sense_is_none(scripted, bucket):
    scripted.headers = {"ETag": '"1"', "x-amz-object-size": "many"}
    with pytest.raises(StoreAway):
        bucket.put("one/1", io.BytesIO(b"abc"), size=3)


def test_a_refusal_that_makes_no_sense_is_one_that_passes(scripted, bucket):
    scripted.status, scripted.body = 302, b"<Error><Code><Sub>x</Sub></Code></Error>"
    for act in (bucket.look, lambda: bucket.delete([Version("one/1")]), lambda: bucket.get("one/1", 0, 10)):
        with pytest.raises(StoreAway):
            act()


@pytest.mark.parametrize("date", ["yesterday", "Thu, 01 Jan 2026 00:00:00", "Thu, 01 Jan 2026 99:00:00 GMT"])
def test_a_clock_that_cannot_be_read_is_told_of(scripted, bucket, date):
    scripted.headers = {"Date": date}
    (said,) = faults_of(bucket, kept_for=timedelta(days=30), now=NOW)
    assert date in said


def test_a_lifecycle_of_more_days_than_there_are_erases_nothing(scripted, bucket):
    days = f"<Expiration><Days>{10**14}</Days></Expiration>"
    scripted.body = f"<X><Rule><Status>Enabled</Status>{days}</Rule></X>".encode()
    said = list(faults_of(bucket, kept_for=timedelta(days=30), now=NOW))
    assert not any("lifecycle" in each for each in said)

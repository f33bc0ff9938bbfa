"""Parsing of tus headers, ranges and preconditions."""

import base64
import hashlib
import zlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filsluss.actions.choices import Choices
from filsluss.rules.lifecycle import Receipts
from filsluss.streams.ranges import (
    Span,
    Unsatisfiable,
    changed_since,
    match,
    none_match,
    range_holds,
    read_range,
)
from filsluss.streams.responses import Refusal
from filsluss.streams.tus import read_checksum, read_digest, read_length, read_metadata, read_number


def b64(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "text", ["", "-1", "+5", "1e9", "0x10", "٣", " 5", "5 ", "5\n", "9" * 20, "1.0", "five", "²"]
)
def test_a_length_that_is_not_a_plain_number_is_refused(text):
    with pytest.raises(Refusal) as refused:
        read_number(text, code="length_invalid")
    assert (refused.value.code, refused.value.status) == ("length_invalid", 400)


def test_a_length_is_read_up_to_nineteen_digits():
    assert read_number("9" * 19, code="length_invalid") == 10**19 - 1


@pytest.mark.parametrize(("length", "deferred"), [(None, None), ("5", "1"), (None, "2"), (None, "")])
def test_exactly_one_of_length_and_deferred_is_wanted(length, deferred):
    with pytest.raises(Refusal):
        read_length(length, deferred)


def test_a_deferred_length_is_none():
    assert (read_length(None, "1"), read_length("0", None)) == (None, 0)


def test_metadata_is_decoded_strictly():
    raw = f"filename {b64('räksmörgås.pdf')},with_code {b64('1')},is_odd"
    metadata = read_metadata(raw)
    assert (metadata.filename, metadata.choices, metadata.raw) == ("räksmörgås.pdf", Choices(True), raw)
    assert metadata.values["is_odd"] == b""


def test_what_the_sender_chooses_for_the_case_is_read_and_nothing_else_is_taken_for_it():
    def chosen(**fields):
        return read_metadata(",".join(f"{name} {b64(value)}" for name, value in fields.items())).choices

    assert chosen(one_letter="1", receipts="each") == Choices(one_letter=True, receipts=Receipts.EACH)
    assert chosen(one_letter="0", receipts="none") == Choices(one_letter=False, receipts=Receipts.NONE)
    assert chosen() == chosen(one_letter="", receipts="") == Choices()
    for odd in ({"one_letter": "yes"}, {"one_letter": "2"}, {"receipts": "all"}, {"receipts": "FIRST"}):
        with pytest.raises(Refusal) as refused:
            chosen(**odd)
        assert (refused.value.code, refused.value.status) == ("metadata_invalid", 400)


def test_the_file_is_called_by_name_then_unnamed():
    assert read_metadata(f"name {b64('x')}").filename == "x"
    assert read_metadata(None).filename == "unnamed"


@pytest.mark.parametrize(
    "raw",
    [
        "filename !!!",
        "filename YQ==,filename YQ==",
        "filename  YQ==",
        ",",
        "filename YQ",
        " ",
        "fil\tename YQ==",
        "filename " + "A" * 4100,
        ",".join(f"k{n} YQ==" for n in range(11)),
        "filename YQ==\n",
    ],
)
def test_metadata_that_the_specification_does_not_allow_is_refused(raw):
    with pytest.raises(Refusal) as refused:
        read_metadata(raw)
    assert refused.value.code == "metadata_invalid"


def test_a_name_that_is_not_utf8_is_refused():
    raw = "filename " + base64.b64encode(b"\xff\xfe").decode()
    with pytest.raises(Refusal):
        _ = read_metadata(raw).filename


@pytest.mark.parametrize("name", ["sha256", "sha512", "sha1", "crc32", "crc32c"])
def test_every_checksum_offered_can_be_made(name):
    known = {
        "crc32": zlib.crc32(b"123456789").to_bytes(4, "big"),
        "crc32c": bytes.fromhex("e3069283"),
    }
    expected = known.get(name) or hashlib.new(name, b"123456789").digest()
    checksum = read_checksum(f"{name} {base64.b64encode(expected).decode()}")
    checksum.sum.update(b"1234")
    checksum.sum.update(memoryview(b"56789"))
    assert checksum.holds()
    checksum.sum.update(b"0")
    assert not checksum.holds()


@pytest.mark.parametrize("raw", ["md5 AAAA", "sha256", "sha256 AAAA", "sha256 ###", "SHA256 AAAA", ""])
def test_a_checksum_that_cannot_be_made_is_refused(raw):
    with pytest.raises(Refusal) as refused:
        read_checksum(raw)
    assert refused.value.code == "checksum_unsupported"


WHOLE = [
    None,
    "",
    "bytes=abc",
    "items=0-1",
    "bytes = 0-1",
    "bytes=-",
    "bytes=5-1",
    "bytes=0-1,4-5",
    "bytes=" + ",".join(f"{n}-{n}" for n in range(5000)),
    "bytes=٣-٤",
    "bytes",
    "bytes=0-1x",
    "bytes=1-0",
]


@pytest.mark.parametrize("header", WHOLE)
def test_no_range_several_or_nonsense_means_the_whole_file(header):
    assert read_range(header, size=100) is None


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", Span(0, 1)),
        ("bytes=-1", Span(99, 100)),
        ("bytes=-1000", Span(0, 100)),
        ("bytes=10-", Span(10, 100)),
        ("bytes=99-", Span(99, 100)),
        ("bytes=0-" + "9" * 400, Span(0, 100)),
        ("BYTES=0-4", Span(0, 5)),
        ("bytes=-" + "9" * 5000, Span(0, 100)),
    ],
)
def test_one_range_is_cut_to_the_file(header, span):
    assert read_range(header, size=100) == span


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=" + "9" * 400 + "-"])
def test_a_range_past_the_end_cannot_be_satisfied(header):
    with pytest.raises(Unsatisfiable):
        read_range(header, size=100)


@pytest.mark.parametrize("header", [None, "bytes=0-", "bytes=5-", "bytes=-1"])
def test_an_empty_file_has_no_range(header):
    assert read_range(header, size=0) is None


@given(st.text(alphabet="bytes=-0123456789, ", max_size=40), st.integers(0, 10**12))
def test_a_range_never_leaves_the_file(header, size):
    try:
        span = read_range(header, size=size)
    except Unsatisfiable:
        return
    assert span is None or 0 <= span.start < span.stop <= size


def test_content_range_names_the_last_byte():
    assert Span(0, 5).content_range(100) == "bytes 0-4/100"


def test_preconditions_compare_as_rfc_9110_says():
    etag = '"sha256-aa"'
    assert none_match(None, etag=etag)
    assert not none_match('W/"sha256-aa"', etag=etag)
    assert not none_match('"x", "sha256-aa"', etag=etag)
    assert not none_match("*", etag=etag)
    assert match('"x", "sha256-aa"', etag=etag)
    assert not match('W/"sha256-aa"', etag=etag)
    assert range_holds(None, etag=etag)
    assert range_holds(etag, etag=etag)
    assert not range_holds('W/"sha256-aa"', etag=etag)
    assert not range_holds("Tue, 24 Nov 2026 10:00:00 GMT", etag=etag)


@pytest.mark.parametrize(
    ("date", "is_later"),
    [
        ("Thu, 26 Nov 2026 07:05:00 GMT", True),
        ("Thu, 26 Nov 2026 07:05:01 GMT", False),
        ("Thu, 26 Nov 2026 07:04:00 -0000", False),  # which says that its zone is not known
        ("yesterday", None),
        ("Thu, 99 Nov 2026 07:05:00 GMT", None),
    ],
)
def test_a_date_counts_to_the_second_and_only_with_its_zone(date, is_later):
    modified = datetime(2026, 11, 26, 7, 5, 1, 999, tzinfo=UTC)
    assert changed_since(date, modified=modified) is is_later


def test_a_digest_of_another_length_is_refused():
    digest = hashlib.sha256(b"x").digest()
    whole = base64.b64encode(digest).decode()
    assert read_digest(f"sha-512=:AAAA:, sha-256=:{whole}:") == f"sha256 {b64(digest.hex())}"
    assert (read_digest(None), read_digest("sha-512=:AAAA:")) == ("", "")
    with pytest.raises(Refusal) as refused:
        read_digest(f"sha-256=:{base64.b64encode(digest[1:]).decode()}:")
    assert refused.value.code == "metadata_invalid"

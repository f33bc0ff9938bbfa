"""Figures: sizes and days read the same on every page and in every letter."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filsluss.rules.formats import (
    date_text,
    days_left_text,
    exact_bytes_text,
    moment_text,
    parse_size,
    size_text,
    wait_text,
    weekday_date_text,
)

KIB, MIB, GIB, TIB = 2**10, 2**20, 2**30, 2**40


@pytest.mark.parametrize(
    ("n", "swedish", "english"),
    [
        (0, "0 byte", "0 bytes"),
        (1, "1 byte", "1 byte"),
        (812, "812 byte", "812 bytes"),
        (1023, "1 023 byte", "1,023 bytes"),
        (KIB, "1 kB", "1 kB"),
        (1536, "1,5 kB", "1.5 kB"),
        (412 * KIB, "412 kB", "412 kB"),
        (1020 * KIB, "1 020 kB", "1,020 kB"),
        (MIB - 1, "1 MB", "1 MB"),
        (13_000_000, "12,4 MB", "12.4 MB"),
        (100 * MIB, "100 MB", "100 MB"),
        (1_331_439_861, "1,24 GB", "1.24 GB"),
        (2_147_483_648, "2 GB", "2 GB"),
        (50 * GIB, "50 GB", "50 GB"),
        (3 * TIB // 2, "1,5 TB", "1.5 TB"),
        (5000 * TIB, "5 000 TB", "5,000 TB"),
    ],
)
def test_a_size_has_three_figures_and_a_unit_that_never_stands_alone(
    n: int, swedish: str, english: str
) -> None:
    assert size_text(n, "sv") == swedish.replace(" ", "\u00a0")
    assert size_text(n, "en") == english.replace(" ", "\u00a0")


def test_the_details_tell_every_byte() -> None:
    assert exact_bytes_text(1_331_439_861, "sv") == "1\u00a0331\u00a0439\u00a0861\u00a0byte"
    assert exact_bytes_text(1_331_439_861, "en") == "1,331,439,861\u00a0bytes"


@given(st.integers(KIB, 2000 * TIB))
def test_a_size_is_never_more_than_half_a_percent_from_the_truth(n: int) -> None:
    number, unit = size_text(n, "en").split("\u00a0")
    shown = float(number.replace(",", "")) * {"kB": KIB, "MB": MIB, "GB": GIB, "TB": TIB}[unit]
    assert abs(shown - n) <= n * 0.00501


def test_days_and_moments_read_as_people_say_them() -> None:
    moment = datetime(2026, 11, 30, 14, 32, 5, tzinfo=timezone(timedelta(hours=1)))
    assert [date_text(date(2026, 11, 30), language) for language in ("sv", "en")] == [
        "30\u00a0november 2026",
        "30\u00a0November 2026",
    ]
    assert [weekday_date_text(date(2027, 5, 1), language) for language in ("sv", "en")] == [
        "lördag 1\u00a0maj",
        "Saturday 1\u00a0May",
    ]
    assert [moment_text(moment, language) for language in ("sv", "en")] == [
        "30\u00a0november 2026 kl.\u00a014.32",
        "30\u00a0November 2026 at\u00a014:32",
    ]


def test_a_moment_early_in_the_day_keeps_its_zeros() -> None:
    assert moment_text(datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "sv") == "2\u00a0januari 2026 kl.\u00a003.04"


@pytest.mark.parametrize(
    ("days", "swedish", "english"),
    [
        (-1, "i dag", "today"),
        (0, "i dag", "today"),
        (1, "i morgon", "tomorrow"),
        (3, "3\u00a0dagar kvar", "3\u00a0days left"),
        (30, "30\u00a0dagar kvar", "30\u00a0days left"),
    ],
)
def test_days_left_are_told_by_the_calendar(days: int, swedish: str, english: str) -> None:
    assert (days_left_text(days, "sv"), days_left_text(days, "en")) == (swedish, english)


@pytest.mark.parametrize(
    ("later", "swedish", "english"),
    [
        (timedelta(seconds=1), "om 1\u00a0minut", "in 1\u00a0minute"),
        (timedelta(minutes=3), "om 3\u00a0minuter", "in 3\u00a0minutes"),
        (timedelta(minutes=2, seconds=1), "om 3\u00a0minuter", "in 3\u00a0minutes"),
        (timedelta(minutes=59), "om 59\u00a0minuter", "in 59\u00a0minutes"),
        (timedelta(minutes=59, seconds=1), "kl.\u00a009.15", "at\u00a009:15"),
        (timedelta(hours=1), "kl.\u00a009.15", "at\u00a009:15"),
        (timedelta(hours=6, minutes=5), "kl.\u00a014.20", "at\u00a014:20"),
        (timedelta(hours=15, minutes=44, seconds=30), "i morgon kl.\u00a000.00", "tomorrow at\u00a000:00"),
        (timedelta(days=1), "i morgon kl.\u00a008.15", "tomorrow at\u00a008:15"),
        (timedelta(days=2), "1\u00a0december 2026 kl.\u00a008.15", "1\u00a0December 2026 at\u00a008:15"),
    ],
)
def test_a_waiting_time_is_told_as_it_is_and_never_too_early(
    later: timedelta, swedish: str, english: str
) -> None:
    now = datetime(2026, 11, 29, 8, 15, tzinfo=ZoneInfo("Europe/Stockholm"))
    assert (wait_text(now + later, now, "sv"), wait_text(now + later, now, "en")) == (swedish, english)


def test_a_waiting_time_is_told_by_the_clock_on_the_day_that_it_changes() -> None:
    now = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)  # midnight in Stockholm, whose day has 25 hours
    stockholm = ZoneInfo("Europe/Stockholm")
    at = (now + timedelta(hours=24)).astimezone(stockholm)
    assert wait_text(at, now.astimezone(stockholm), "sv") == "kl.\u00a023.00"


@pytest.mark.parametrize("language", ["", "de", "SV-FI"])
def test_an_unknown_language_reads_english(language: str) -> None:
    day = datetime(2026, 11, 30, 14, 32, tzinfo=UTC)
    shown = (size_text(1536, language), moment_text(day, language), weekday_date_text(day, language))
    assert shown == ("1.5\u00a0kB", "30\u00a0November 2026 at\u00a014:32", "Monday 30\u00a0November")


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("2GiB", 2_147_483_648),
        ("50GiB", 50 * GIB),
        ("1 TiB", TIB),
        ("3MiB", 3 * MIB),
        ("4KiB", 4096),
        ("5B", 5),
        ("0", 0),
        (" 2147483648 ", 2_147_483_648),
    ],
)
def test_operators_write_sizes_with_binary_units_or_none(text: str, n: int) -> None:
    assert parse_size(text) == n


@pytest.mark.parametrize("text", ["", "2GB", "2gib", "-1", "1.5GiB", "2 Gi B", "GiB", "٢GiB", "1e9", "5%"])
def test_a_size_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(f"{text!r} is not a size such as 2GiB")):
        parse_size(text)

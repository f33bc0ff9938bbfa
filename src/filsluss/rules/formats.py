"""Sizes, dates and days as people read them, each in their language, and sizes as operators write them."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from filsluss.languages import language_named

_NBSP = "\u00a0"
_UNITS = ("kB", "MB", "GB", "TB")
_WRITTEN_UNITS = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_WRITTEN_SIZE = re.compile(r"([0-9]{1,18}) ?(B|KiB|MiB|GiB|TiB|)")


def parse_size(text: str) -> int:
    """The number of bytes of "2GiB", "512 KiB" or "2147483648"; raises ValueError for anything else."""
    match = _WRITTEN_SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size such as 2GiB, 512MiB or 2147483648")
    return int(match[1]) * _WRITTEN_UNITS[match[2]]


def size_text(n: int, language: str) -> str:
    """At most three significant digits, units of 1024 bytes, as file managers on Windows: 1,24 GB."""
    if n < 1024:
        return exact_bytes_text(n, language)
    amounts = [(_three_digits(Decimal(n) / 1024**power), unit) for power, unit in enumerate(_UNITS, 1)]
    amount, unit = next((pair for pair in amounts if pair[0] < 1024), amounts[-1])
    return f"{_number(amount, language)}{_NBSP}{unit}"


def exact_bytes_text(n: int, language: str) -> str:
    unit = language_named(language).bytes[n != 1]
    return f"{_number(Decimal(n), language)}{_NBSP}{unit}"


def date_text(day: date, language: str) -> str:
    return _date(day, language, language_named(language).date)


def short_date_text(day: date, language: str) -> str:
    """The date without its year."""
    return _date(day, language, language_named(language).short_date)


def weekday_date_text(day: date, language: str) -> str:
    """The date with its weekday and without its year: a choice is read on a phone, closed and in one line."""
    own = language_named(language)
    return own.weekday_date.format(weekday=own.weekdays[day.weekday()], date=short_date_text(day, language))


def time_text(moment: datetime, language: str) -> str:
    return language_named(language).time.format(hour=f"{moment:%H}", minute=f"{moment:%M}")


def moment_text(moment: datetime, language: str) -> str:
    """Date and time in the time zone that `moment` is in: convert it to the reader's first."""
    at_time = _at_time(moment, language)
    return language_named(language).moment.format(date=date_text(moment, language), at_time=at_time)


def wait_text(at: datetime, now: datetime, language: str) -> str:
    """When something is possible again, never too early: minutes within the hour, else the time of day.

    Both times are in the reader's time zone.
    """
    minutes = max(1, -((now.astimezone(UTC) - at.astimezone(UTC)) // timedelta(minutes=1)))
    if minutes < 60:
        return language_named(language).minutes[minutes != 1].format(n=minutes)
    minute = (at + timedelta(seconds=59, microseconds=999_999)).replace(second=0, microsecond=0)
    days = (minute.date() - now.date()).days
    if days > 1:
        return moment_text(minute, language)
    at_time = _at_time(minute, language)
    return language_named(language).tomorrow.format(at_time=at_time) if days else at_time


def days_left_text(days: int, language: str) -> str:
    """Calendar days left; 0 and less read "today"."""
    return language_named(language).days_left[min(max(days, 0), 2)].format(n=days)


def _date(day: date, language: str, pattern: str) -> str:
    month = language_named(language).months[day.month - 1]
    return pattern.format(day=day.day, month=month, year=day.year)


def _at_time(moment: datetime, language: str) -> str:
    return language_named(language).at_time.format(time=time_text(moment, language))


def _three_digits(amount: Decimal) -> Decimal:
    step = "1" if amount >= 100 else "0.1" if amount >= 10 else "0.01"
    return amount.quantize(Decimal(step), rounding=ROUND_HALF_UP)


def _number(amount: Decimal, language: str) -> str:
    """The amount without needless zeros, with the language's signs for thousands and decimals."""
    whole, _, part = f"{amount:,f}".partition(".")
    own, part = language_named(language), part.rstrip("0")
    return whole.replace(",", own.thousands) + (f"{own.decimal}{part}" if part else "")

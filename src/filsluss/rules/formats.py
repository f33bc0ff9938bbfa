"""Sizes, dates and days as people read them, in Swedish and English, and sizes as operators write them."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

_NBSP = "\u00a0"
_UNITS = ("kB", "MB", "GB", "TB")
_WRITTEN_UNITS = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_WRITTEN_SIZE = re.compile(r"([0-9]{1,18}) ?(B|KiB|MiB|GiB|TiB|)")

_MONTHS = {
    "sv": [
        "januari",
        "februari",
        "mars",
        "april",
        "maj",
        "juni",
        "juli",
        "augusti",
        "september",
        "oktober",
        "november",
        "december",
    ],
    "en": [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
}
_WEEKDAYS = {
    "sv": ["måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag"],
    "en": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
}


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
    unit = "byte" if _is_swedish(language) or n == 1 else "bytes"
    return f"{_number(Decimal(n), language)}{_NBSP}{unit}"


def date_text(day: date, language: str) -> str:
    return f"{day.day} {_MONTHS[_supported(language)][day.month - 1]} {day.year}"


def weekday_date_text(day: date, language: str) -> str:
    return f"{_WEEKDAYS[_supported(language)][day.weekday()]} {date_text(day, language)}"


def time_text(moment: datetime, language: str) -> str:
    return f"{moment:%H.%M}" if _is_swedish(language) else f"{moment:%H:%M}"


def moment_text(moment: datetime, language: str) -> str:
    """Date and time in the time zone that `moment` is in: convert it to the reader's first."""
    if _is_swedish(language):
        return f"{date_text(moment, language)} kl. {moment:%H.%M}"
    return f"{date_text(moment, language)} at {moment:%H:%M}"


def wait_text(at: datetime, now: datetime, language: str) -> str:
    """When something is possible again, never too early: minutes within the hour, else the time of day.

    Both times are in the reader's time zone.
    """
    minutes = -((now.astimezone(UTC) - at.astimezone(UTC)) // timedelta(minutes=1))
    if minutes < 60:
        return _minutes_text(max(1, minutes), language)
    minute = (at + timedelta(seconds=59, microseconds=999_999)).replace(second=0, microsecond=0)
    days = (minute.date() - now.date()).days
    if days > 1:
        return moment_text(minute, language)
    if _is_swedish(language):
        return f"{'i morgon ' if days else ''}kl. {minute:%H.%M}"
    return f"{'tomorrow ' if days else ''}at {minute:%H:%M}"


def _minutes_text(minutes: int, language: str) -> str:
    if _is_swedish(language):
        return "om 1 minut" if minutes == 1 else f"om {minutes} minuter"
    return "in 1 minute" if minutes == 1 else f"in {minutes} minutes"


def days_left_text(days: int, language: str) -> str:
    """Calendar days left; 0 and less read "today"."""
    if _is_swedish(language):
        return "i dag" if days <= 0 else "i morgon" if days == 1 else f"{days} dagar kvar"
    return "today" if days <= 0 else "tomorrow" if days == 1 else f"{days} days left"


def _supported(language: str) -> str:
    return "sv" if _is_swedish(language) else "en"


def _is_swedish(language: str) -> bool:
    return language == "sv"


def _three_digits(amount: Decimal) -> Decimal:
    step = "1" if amount >= 100 else "0.1" if amount >= 10 else "0.01"
    return amount.quantize(Decimal(step), rounding=ROUND_HALF_UP)


def _number(amount: Decimal, language: str) -> str:
    text = f"{amount:,f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if _is_swedish(language):
        return text.replace(",", _NBSP).replace(".", ",")
    return text

"""The ZIP format (APPNOTE.TXT 6.3), for stored members whose size and CRC-32 are known beforehand."""

# So no member needs a data descriptor, which readers that go from front to back, such as Java's
# ZipInputStream, do not accept after a stored member.

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

PLAIN_VERSION, ZIP64_VERSION = 20, 45
MADE_BY_UNIX = 3 << 8
UTF8_NAME = 0x800
LIMIT, MOST_ENTRIES = 0xFFFFFFFF, 0xFFFF
"""From here on a value stands in the ZIP64 fields (APPNOTE 4.5.3)."""
ORDINARY_FILE = 0o100644 << 16
FIRST_YEAR, LAST_YEAR = 1980, 2107


@dataclass(frozen=True)
class Member:
    """A file in the archive: its name, size in bytes, CRC-32, and when it was changed (in local time)."""

    name: str
    size: int
    crc32: int
    modified: datetime


def local_header(member: Member) -> bytes:
    """What stands before the member's bytes (APPNOTE 4.3.7)."""
    name, is_large = member.name.encode(), member.size >= LIMIT
    size = LIMIT if is_large else member.size
    sizes = struct.pack("<HHQQ", 1, 16, member.size, member.size) if is_large else b""
    extra = sizes + _time_in_utc(member)
    version = ZIP64_VERSION if is_large else PLAIN_VERSION
    head = struct.pack("<4sHHHII", b"PK\3\4", version, UTF8_NAME, 0, _dos_time(member), member.crc32)
    return head + struct.pack("<IIHH", size, size, len(name), len(extra)) + name + extra


def end_of_archive(members: Sequence[Member]) -> bytes:
    """The central directory and its end (APPNOTE 4.3.12 to 4.3.16), for members in the order as sent."""
    entries, offset = [], 0
    for member in members:
        entries.append(_directory_entry(member, offset))
        offset += len(local_header(member)) + member.size
    directory = b"".join(entries)
    return directory + _directory_end(len(members), len(directory), offset)


def archive_size(members: Sequence[Member]) -> int:
    """The length of the whole archive in bytes; it does not depend on the CRC-32s."""
    sent = sum(len(local_header(member)) + member.size for member in members)
    return sent + len(end_of_archive(members))


def _directory_entry(member: Member, offset: int) -> bytes:
    name, size = member.name.encode(), min(member.size, LIMIT)
    large = [value for value in (member.size, member.size, offset) if value >= LIMIT]
    wide = struct.pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    extra = wide + _time_in_utc(member)
    version = ZIP64_VERSION if large else PLAIN_VERSION
    lengths = (len(name), len(extra), 0)
    return (
        struct.pack("<4sHHHH", b"PK\1\2", MADE_BY_UNIX | version, version, UTF8_NAME, 0)
        + struct.pack("<IIII", _dos_time(member), member.crc32, size, size)
        + struct.pack("<HHHHHII", *lengths, 0, 0, ORDINARY_FILE, min(offset, LIMIT))
        + name
        + extra
    )


def _directory_end(count: int, size: int, offset: int) -> bytes:
    entries = min(count, MOST_ENTRIES)
    plain = struct.pack(
        "<4sHHHHIIH", b"PK\5\6", 0, 0, entries, entries, min(size, LIMIT), min(offset, LIMIT), 0
    )
    if count < MOST_ENTRIES and size < LIMIT and offset < LIMIT:
        return plain
    version = (MADE_BY_UNIX | ZIP64_VERSION, ZIP64_VERSION)
    wide = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, *version, 0, 0, count, count, size, offset)
    return wide + struct.pack("<4sIQI", b"PK\6\7", 0, offset + size, 1) + plain


def _dos_time(member: Member) -> int:
    """Time and date in four bytes, in steps of two seconds (APPNOTE 4.4.6)."""
    at = member.modified
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        at = at.replace(year=min(max(at.year, FIRST_YEAR), LAST_YEAR), month=1, day=1)
    date = (at.year - FIRST_YEAR) << 9 | at.month << 5 | at.day
    return date << 16 | at.hour << 11 | at.minute << 5 | at.second // 2


def _time_in_utc(member: Member) -> bytes:
    """The extra field "UT" (Info-ZIP's extended timestamp): seconds since 1970, if four bytes hold them."""
    seconds = int(member.modified.astimezone(UTC).timestamp())
    return struct.pack("<HHBi", 0x5455, 5, 1, seconds) if 0 <= seconds < 1 << 31 else b""

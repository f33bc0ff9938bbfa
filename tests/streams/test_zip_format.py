"""Archives as other programs read them: without data descriptors, with names, dates and sizes as they are."""

import io
import shutil
import struct
import subprocess
import zipfile
import zlib
from datetime import UTC, datetime, timedelta, timezone

import pytest

from filsluss.streams.zip_format import LIMIT, Member, archive_size, end_of_archive, local_header

AT = datetime(2026, 11, 24, 13, 37, 42, tzinfo=timezone(timedelta(hours=1)))
CONTENTS = {
    "Årsmöte räksmörgås.pdf": b"x" * 70_000,
    "tom.txt": b"",
    "日本.txt": b"hej",
    "😀.txt": b"1",
}


def archive(contents, modified=AT):
    members = [Member(name, len(data), zlib.crc32(data), modified) for name, data in contents.items()]
    sent = b"".join(local_header(each) + contents[each.name] for each in members)
    assert archive_size(members) == len(sent) + len(end_of_archive(members))
    return sent + end_of_archive(members)


def read_front_to_back(data):
    """By the rules of Java's ZipInputStream: without the directory, no descriptor after a stored member."""
    found, stream = {}, io.BytesIO(data)
    while (signature := stream.read(4)) == b"PK\3\4":
        head = struct.unpack("<HHHIIIIHH", stream.read(26))
        _, flags, method, _, crc32, packed, size, name_length, extra_length = head
        name, extra = stream.read(name_length), stream.read(extra_length)
        assert (flags & 8, method) == (0, 0), "only a deflated member can have a data descriptor"
        if size == LIMIT:
            assert extra[:4] == struct.pack("<HH", 1, 16)
            size, packed = struct.unpack_from("<QQ", extra, 4)
        content = stream.read(size)
        assert (packed, crc32) == (size, zlib.crc32(content))
        found[name.decode() if flags & 0x800 else name.decode("cp437")] = content
    assert signature == b"PK\1\2"
    return found


def test_a_reader_that_goes_from_front_to_back_finds_every_member():
    assert read_front_to_back(archive(CONTENTS)) == CONTENTS


@pytest.mark.parametrize("command", [("unzip", "-t"), ("7z", "t")], ids=lambda command: command[0])
def test_other_programs_find_no_error_in_it(tmp_path, command):
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    (tmp_path / "all.zip").write_bytes(archive(CONTENTS))
    subprocess.run([*command, tmp_path / "all.zip"], check=True, capture_output=True)


def test_python_reads_names_bytes_and_dates():
    with zipfile.ZipFile(io.BytesIO(archive(CONTENTS))) as found:
        assert {name: found.read(name) for name in found.namelist()} == CONTENTS
        assert {each.date_time for each in found.infolist()} == {(2026, 11, 24, 13, 37, 42)}
        assert {each.external_attr >> 16 for each in found.infolist()} == {0o100644}


def test_unzip_gives_the_files_their_time_whatever_the_zone(tmp_path):
    (tmp_path / "all.zip").write_bytes(archive({"a.txt": b"a"}))
    run = {"check": True, "capture_output": True, "env": {"PATH": "/usr/bin:/bin", "TZ": "Asia/Tokyo"}}
    subprocess.run(["unzip", "-o", tmp_path / "all.zip", "-d", tmp_path], **run)
    assert datetime.fromtimestamp((tmp_path / "a.txt").stat().st_mtime, UTC) == AT


@pytest.mark.parametrize("year", [1, 1970, 1979, 1980, 2037, 2107, 2108, 9999])
def test_any_date_makes_a_valid_archive(year):
    with zipfile.ZipFile(io.BytesIO(archive({"a": b"a"}, AT.replace(year=year)))) as found:
        assert found.testzip() is None
        assert found.infolist()[0].date_time[0] == min(max(year, 1980), 2107)


def test_an_empty_archive_is_one():
    assert zipfile.ZipFile(io.BytesIO(archive({}))).namelist() == []


def test_sizes_offsets_and_counts_beyond_the_old_limits_stand_in_the_zip64_fields():
    members = [Member("large", LIMIT, 1, AT), Member("after", 5, 2, AT)]
    end = end_of_archive(members)
    sent = len(local_header(members[0])) + LIMIT + len(local_header(members[1])) + 5
    assert archive_size(members) == sent + len(end)
    assert local_header(members[0])[18:26] == struct.pack("<II", LIMIT, LIMIT)
    with zipfile.ZipFile(SparseFile(sent, end)) as found:
        (large, after) = found.infolist()
        assert (large.file_size, large.compress_size, large.header_offset) == (LIMIT, LIMIT, 0)
        assert (after.file_size, after.header_offset) == (5, len(local_header(members[0])) + LIMIT)


def test_more_members_than_16_bits_count_are_all_found():
    contents = {f"{number}": b"" for number in range(66_000)}
    with zipfile.ZipFile(io.BytesIO(archive(contents))) as found:
        assert len(found.namelist()) == 66_000


class SparseFile(io.RawIOBase):
    """A file that begins with zeros, which are not stored, and ends with some bytes."""

    def __init__(self, zeros, end):
        self._zeros, self._end, self._position = zeros, end, 0

    def seekable(self):
        return True

    def seek(self, offset, whence=0):
        base = {0: 0, 1: self._position, 2: self._zeros + len(self._end)}[whence]
        self._position = base + offset
        return self._position

    def tell(self):
        return self._position

    def read(self, size=-1):
        size = self._zeros + len(self._end) - self._position if size < 0 else size
        zeros = min(size, max(0, self._zeros - self._position))
        start = max(0, self._position + zeros - self._zeros)
        self._position += size
        return bytes(zeros) + self._end[start : start + size - zeros]

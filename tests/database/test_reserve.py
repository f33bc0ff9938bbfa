"""The reserve beside SQLite's database: laid while there is room, let go step by step when there is none."""

import os

import pytest
from django.db import connection

from filsluss.sqlite import reserve as module
from filsluss.sqlite.reserve import Reserve
from tests.parts.disks import NoDisk, small

MIB = 1 << 20


@pytest.fixture
def reserve(tmp_path):
    """On a disk of 16 MiB."""
    try:
        with small(tmp_path, size=16 * MIB) as disk:
            yield Reserve(disk / "filsluss.sqlite3")
    except NoDisk as missing:
        pytest.skip(str(missing))


def free(reserve):
    space = os.statvfs(reserve.path.parent)
    return space.f_bavail * space.f_frsize


def fill(reserve, leave):
    with (reserve.path.parent / "stuffing").open("ab") as file:
        file.write(bytes(free(reserve) - leave))


def test_on_a_small_disk_it_is_an_eighth_and_it_takes_its_room(reserve):
    before = free(reserve)
    assert reserve.ensure()
    assert (reserve.size, free(reserve)) == (2 * MIB, before - 2 * MIB)
    assert reserve.path.name == "filsluss.sqlite3-reserve"
    assert module.LARGEST == 32 * MIB


def test_it_is_let_go_in_steps_when_the_disk_is_nearly_full_and_laid_again_when_there_is_room(reserve):
    reserve.ensure()
    reserve.release_if_low()
    assert reserve.ensure()
    for step in (1, 2, 3, 4):
        fill(reserve, 0)
        reserve.release_if_low()
        assert free(reserve) == reserve.size // 4, step
        assert not reserve.ensure()
    fill(reserve, 0)
    reserve.release_if_low()
    assert (free(reserve), reserve.release()) == (0, False)
    (reserve.path.parent / "stuffing").unlink()
    assert reserve.ensure()


def test_it_is_not_laid_where_it_would_be_let_go_at_once(reserve):
    fill(reserve, reserve.size + reserve.margin - 4096)
    assert not reserve.ensure()
    assert not reserve.path.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has none")
def test_it_lies_beside_the_database():
    assert str(connection.reserve.path) == f"{connection.settings_dict['NAME']}-reserve"

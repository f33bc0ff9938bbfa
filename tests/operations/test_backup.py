"""A backup that is taken while people work is one that a house can be started from."""

import pytest

from tests.operations.drill import drill
from tests.parts.house import House


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "backup"


def test_a_house_restored_from_a_backup_under_load_holds_what_was_told_before_it(
    folder, make_house, database_server
):
    if database_server:
        pytest.skip("PostgreSQL is backed up by its own pg_dump")
    house = make_house().start()
    other = make_house()
    assert "held: " in drill(folder, house, other, 4)
    assert sorted(path.name for path in folder.iterdir()) == ["blobs", "filsluss.sqlite3", "secret_key"]
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_holds_something_is_left_alone(folder, make_house):
    house: House = make_house()
    house.run("migrate", "--verbosity", "0")
    folder.mkdir()
    (folder / "kvar.txt").write_text("kvar")
    ran = house.run("backup", str(folder), check=False)
    assert (ran.returncode, "not empty" in ran.stderr) == (1, True)
    assert [path.name for path in folder.iterdir()] == ["kvar.txt"]
    bare = folder / "bara"
    house.run("backup", str(bare), "--without-blobs")
    assert "blobs" not in [path.name for path in bare.iterdir()]

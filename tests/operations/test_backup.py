"""A backup that is taken under load is one that a service can be started from."""

import pytest

from tests.operations.backup_restore import back_up_and_restore
from tests.parts.service import Service


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "backup"


def test_a_service_restored_from_a_backup_under_load_has_everything_acknowledged_before_it(
    folder, make_service, database_server
):
    if database_server:
        pytest.skip("PostgreSQL is backed up by its own pg_dump")
    service = make_service().start()
    other = make_service()
    assert "held: " in back_up_and_restore(folder, service, other, 4)
    assert sorted(path.name for path in folder.iterdir()) == ["blobs", "filsluss.sqlite3", "secret_key"]
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_holds_something_is_left_alone(folder, make_service):
    service: Service = make_service()
    service.run("migrate", "--verbosity", "0")
    folder.mkdir()
    (folder / "kvar.txt").write_text("kvar")
    ran = service.run("backup", str(folder), check=False)
    assert (ran.returncode, "not empty" in ran.stderr) == (1, True)
    assert [path.name for path in folder.iterdir()] == ["kvar.txt"]
    bare = folder / "bara"
    service.run("backup", str(bare), "--without-blobs")
    assert "blobs" not in [path.name for path in bare.iterdir()]

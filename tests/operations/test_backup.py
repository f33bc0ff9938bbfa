"""A backup that is taken under load is one that a service can be started from."""

import shutil

import pytest

from tests.operations.backup_restore import back_up_and_restore
from tests.parts import people
from tests.parts.service import Service
from tests.parts.storage import rows


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
    assert sorted(path.name for path in folder.iterdir()) == ["blobs", "filsluss.sqlite3"]
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


def test_the_key_is_copied_only_to_a_place_apart_that_is_named(folder, make_service, tmp_path):
    service: Service = make_service()
    service.run("migrate", "--verbosity", "0")
    (tmp_path / "to-the-backup").symlink_to(folder)
    key = (service.data_dir / "secret_key").read_bytes()
    for place in (
        folder / "secret_key",
        folder / "below" / ".." / "key",
        tmp_path / "to-the-backup" / "key",
        tmp_path / "no-such-folder" / "key",
        service.data_dir / "secret_key",
    ):
        ran = service.run("backup", str(folder), "--with-key", str(place), check=False)
        assert (ran.returncode, len(ran.stderr.splitlines())) == (1, 1), place
        assert not folder.exists()
    apart = tmp_path / "key"
    said = service.run("backup", str(folder), "--with-key", str(apart)).stdout
    assert f"secret key: copied to {apart}" in said
    assert (apart.read_bytes(), apart.stat().st_mode & 0o777) == (key, 0o600)
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert key.strip() not in everything


def test_a_key_from_the_environment_is_not_the_services_to_copy(folder, make_service, tmp_path):
    service: Service = make_service(SECRET_KEY="k" * 48)
    service.run("migrate", "--verbosity", "0")
    ran = service.run("backup", str(folder), "--with-key", str(tmp_path / "key"), check=False)
    assert (ran.returncode, "FILSLUSS_SECRET_KEY is set" in ran.stderr) == (1, True)
    assert "secret key: not copied" in service.run("backup", str(folder)).stdout


def test_a_service_that_has_only_the_backup_opens_no_link(folder, make_service, database_server):
    if database_server:
        pytest.skip("PostgreSQL is backed up by its own pg_dump")
    service, thief = make_service().start(), make_service()
    upload = people.apply(service, people.FORM).location
    service.run("backup", str(folder))
    service.stop()
    shutil.copytree(folder, thief.data_dir)
    code = (
        "from django.conf import settings; from filsluss.models import Link, Letter\n"
        "from filsluss.models.link import LinkLost\n"
        "for link in Link.objects.all():\n"
        "    try: print(link.token(settings.POLICY.link_keys))\n"
        "    except LinkLost: print('lost')\n"
    )
    told = thief.run("shell", "--no-imports", "-c", code).stdout.split()
    assert (set(told), len(told) >= 2) == ({"lost"}, True)
    copied = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert upload.rpartition("/")[2].encode() not in copied


def test_a_backup_is_in_the_security_log(folder, make_service):
    service: Service = make_service()
    service.run("migrate", "--verbosity", "0")
    service.run("backup", str(folder))
    ((kind, outcome, person),) = rows(service, "SELECT kind, outcome, person FROM filsluss_securityevent")
    assert (kind, outcome, person.partition(":")[0]) == ("export", "backup", "os")

"""A backup that is taken under load is one that a service can be started from."""

import os
import shutil
import time

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
    assert sorted(path.name for path in folder.iterdir()) == ["blobs", "filsluss.sqlite3", "manifest.json"]
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.postgresql_if_full
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


@pytest.mark.postgresql_if_full
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


@pytest.mark.postgresql_if_full
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


@pytest.fixture
def stored(make_service, database_server):
    """An installation with two files, whose service has stopped."""
    if database_server:
        pytest.skip("PostgreSQL is backed up by its own pg_dump")
    service = make_service().start()
    upload = people.apply(service, people.FORM).location
    for content in (b"hej" * 1000, b"annat" * 1000):
        people.send_tus(service, upload, content)
    service.stop()
    return service


def blobs_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.parent.suffix == ".d")


def refused(ran):
    """The one line, besides the log's, of a command that did nothing."""
    (line,) = [line for line in ran.stderr.splitlines() if not line.startswith("at=")]
    assert (ran.returncode, "Traceback" in ran.stderr) == (1, False)
    return line


def test_a_backup_is_verified_and_what_is_wrong_with_it_is_named(folder, stored):
    stored.run("backup", str(folder))
    assert "verified: 3 files" in stored.run("backup", "--verify", str(folder)).stdout
    first, second = blobs_of(folder)
    first.write_bytes(first.read_bytes()[:-1])
    second.unlink()
    said = refused(stored.run("backup", "--verify", str(folder), check=False))
    assert [first.name in said, second.name in said, "2 of 3 are wrong" in said] == [True, True, True]
    refused(stored.run("restore", str(folder), check=False))
    (folder / "manifest.json").unlink()
    assert "no manifest.json" in refused(stored.run("backup", "--verify", str(folder), check=False))


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("text", ["", "[]", "{}", '{"entries": {"x": 1}}', '{"entries": {"../x": [1, "a"]}}'])
def test_a_manifest_that_is_none_is_refused_in_one_line(folder, make_service, text):
    folder.mkdir()
    (folder / "manifest.json").write_text(text)
    for words in (["backup", "--verify"], ["restore"], ["backup", "--since", str(folder)]):
        target = str(folder) if "--since" not in words else str(folder.with_name("new"))
        refused(make_service().run(*words, target, check=False))
    assert not folder.with_name("new").exists()


def test_a_backup_that_fails_leaves_nothing_that_looks_like_one(folder, stored):
    lost = blobs_of(stored.data_dir)[0]
    content = lost.read_bytes()
    lost.unlink()
    lost.mkdir()  # reading it fails half-way
    refused(stored.run("backup", str(folder), check=False))
    assert (folder.exists(), folder.with_name("backup.part").exists()) == (False, False)
    lost.rmdir()
    lost.write_bytes(content)
    folder.with_name("backup.part").mkdir()
    assert "another backup" in refused(stored.run("backup", str(folder), check=False))


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("place", ["/", ".", "/proc/backup", "/dev/full/backup", "/etc/passwd"])
def test_a_place_where_no_backup_can_be_is_refused_in_one_line(make_service, place):
    service = make_service()
    service.run("migrate", "--verbosity", "0")
    refused(service.run("backup", place, check=False))


def test_a_later_backup_links_what_has_not_changed(folder, stored):
    stored.run("backup", str(folder))
    changed, _ = blobs_of(stored.data_dir)
    os.utime(changed, (time.time() + 5, time.time() + 5))
    later = folder.with_name("later")
    assert "1 copied, 1 linked" in stored.run("backup", "--since", str(folder), str(later)).stdout
    inodes = {path.name: path.stat().st_ino for path in blobs_of(folder)}
    assert [path.stat().st_ino == inodes[path.name] for path in blobs_of(later)] == [False, True]
    shutil.rmtree(folder)
    assert "verified: 3 files" in stored.run("backup", "--verify", str(later)).stdout


def test_a_backup_is_restored_into_an_installation_that_has_nothing(folder, stored, make_service):
    key = folder.with_name("key")
    stored.run("backup", str(folder), "--with-key", str(key))
    other, third = make_service(), make_service()
    other.data_dir.mkdir(mode=0o700)
    shutil.copy2(key, other.data_dir / "secret_key")
    said = other.run("restore", str(folder)).stdout
    assert "blobs: 2 restored" in said
    assert rows(other, "SELECT name, sha256 FROM filsluss_transferfile") == rows(
        stored, "SELECT name, sha256 FROM filsluss_transferfile"
    )
    assert [path.read_bytes() for path in blobs_of(other.data_dir)] == [
        path.read_bytes() for path in blobs_of(stored.data_dir)
    ]
    assert "is there" in refused(other.run("restore", str(folder), check=False))
    assert "secret key is not the one" in refused(third.run("restore", str(folder), check=False))


def test_backups_in_a_row_are_named_by_their_time_and_the_newest_stay(folder, stored):
    folder.mkdir()
    for name in ("2026-01-01T023000Z", "2026-01-02T023000Z"):
        stored.run("backup", str(folder / name))
    (folder / "2026-01-03T023000Z.part").mkdir()
    (folder / "mine").mkdir()
    said = stored.run("backup", str(folder), "--keep", "2").stdout
    assert ("0 copied, 2 linked" in said, "1 earlier backups removed" in said) == (True, True)
    oldest, newest, mine = sorted(path.name for path in folder.iterdir())
    assert (oldest, mine, len(newest)) == ("2026-01-02T023000Z", "mine", 18)
    assert "verified: 3 files" in stored.run("backup", "--verify", str(folder / newest)).stdout
    assert "at least one" in refused(stored.run("backup", str(folder), "--keep", "0", check=False))


@pytest.fixture
def stored_in_postgresql(make_service, database_server):
    if not database_server or not shutil.which("pg_dump"):
        pytest.skip("only with PostgreSQL, whose pg_dump is installed")
    service = make_service().start()
    people.send_tus(service, people.apply(service, people.FORM).location, b"hej" * 1000)
    service.stop()
    return service


def test_the_rows_of_postgresql_are_in_the_backup_and_restored_from_it(
    folder, stored_in_postgresql, make_service
):
    service, key = stored_in_postgresql, folder.with_name("key")
    said = service.run("backup", str(folder), "--with-key", str(key)).stdout
    assert "bytes dumped" in said
    assert sorted(path.name for path in folder.iterdir()) == ["blobs", "filsluss.pgdump", "manifest.json"]
    assert (folder / "filsluss.pgdump").stat().st_mode & 0o777 == 0o600
    other, full = make_service(is_bare=True), make_service()
    for each in (other, full):
        each.data_dir.mkdir(mode=0o700, exist_ok=True)
        shutil.copy2(key, each.data_dir / "secret_key")
    assert "has tables" in refused(full.run("restore", str(folder), check=False))
    assert "blobs: 1 restored" in other.run("restore", str(folder)).stdout
    question = "SELECT name, sha256 FROM filsluss_transferfile"
    assert rows(other, question) == rows(service, question) != []
    other.run("migrate", "--verbosity", "0")
    assert "has tables" in refused(other.run("restore", str(folder), check=False))


def test_without_pg_dump_the_backup_says_so_in_one_line(folder, make_service, database_server, tmp_path):
    if not database_server:
        pytest.skip("only with PostgreSQL")
    service = make_service()
    service.env["PATH"] = str(tmp_path)
    said = service.run("backup", str(folder)).stdout
    assert [line for line in said.splitlines() if "pg_dump" in line] == [said.splitlines()[0]]

"""Starting: what the log and systemd hear, the copy before an upgrade, and what little must be writable."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from filsluss.machine import boot_id
from filsluss.ops.tables import program_version
from tests.operations.test_logs import read
from tests.parts.installation import folder
from tests.parts.mail_server import free_port


def opened(service):
    lines = [read(line) for line in service.log_text().splitlines() if line.startswith("at=")]
    return [line for line in lines if line["event"] == "open"]


def test_one_line_says_that_it_is_open_and_where_everything_is(service):
    (line,) = opened(service)
    assert (line["version"], line["url"], line["blobs"]) == (
        program_version(),
        service.url,
        (service.data_dir / "blobs").as_uri(),
    )
    assert line["database"] in ("sqlite", "postgresql")
    assert str(service.port) in line["address"]
    node = "local" if line["database"] == "sqlite" else socket.gethostname()
    labels = f'database="{line["database"]}",node="{node}",version="{program_version()}"'
    assert f"filsluss_build_info{{{labels}}} 1.0" in service.get("/metrics").text


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("command", ["serve", "web", "worker"])
def test_systemd_hears_when_it_is_ready_and_that_it_lives(make_service, command):
    path = folder("notify") / "socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(path))
        end.settimeout(30)
        service = make_service()
        service.env |= {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "900000"}
        service.start(command)
        wanted = {b"READY=1"} if command == "web" else {b"READY=1", b"WATCHDOG=1"}
        heard: set[bytes] = set()
        while not wanted <= heard:
            heard.add(end.recv(100))
        assert heard <= {b"READY=1", b"WATCHDOG=1"}
        service.stop()


@pytest.mark.postgresql_if_full
def test_without_systemd_nobody_is_told(make_service):
    service = make_service()
    service.env |= {"NOTIFY_SOCKET": "/nowhere/socket", "WATCHDOG_USEC": "nonsense"}
    assert service.start().stop() == 0


def copies(service):
    return sorted(service.data_dir.glob("before-upgrade-*"))


def test_before_it_migrates_rows_serve_copies_the_database(make_service, database_server):
    if database_server:
        pytest.skip("PostgreSQL is copied by pg_dump")
    service = make_service(is_bare=True)
    service.run("migrate", "filsluss", "0003")
    with closing(sqlite3.connect(service.data_dir / "filsluss.sqlite3")) as database:
        database.execute("INSERT INTO filsluss_heartbeat VALUES ('mine', '2026-01-01')")
        database.commit()
    service.start().stop()
    (copy,) = copies(service)
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT name FROM filsluss_heartbeat WHERE name = 'mine'").fetchone()
        (last,) = database.execute(
            "SELECT MAX(name) FROM django_migrations WHERE app = 'filsluss'"
        ).fetchone()
        assert last.startswith("0003")
    # The way back of docs/upgrade.md: put in the place of the database, it can be upgraded again.
    for name in ("filsluss.sqlite3", "filsluss.sqlite3-wal", "filsluss.sqlite3-shm"):
        (service.data_dir / name).unlink(missing_ok=True)
    shutil.move(copy, service.data_dir / "filsluss.sqlite3")
    service.start().stop()
    (copy,) = copies(service)
    week = time.time() - 8 * 86400
    os.utime(copy, (week, week))
    service.start().stop()
    assert copies(service) == []


@pytest.mark.postgresql_if_full
def test_an_empty_database_is_not_copied_and_there_is_no_way_back_but_a_copy(make_service):
    service = make_service(is_bare=True)
    service.start().stop()
    assert copies(service) == []
    ran = service.run("migrate", "filsluss", "0003", check=False)
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1)
    assert "docs/upgrade.md" in ran.stderr


READ_ONLY = """
mount --bind "$1" /mnt
mount -t tmpfs -o ro tmpfs /tmp && mount -t tmpfs -o ro tmpfs /var/tmp && mount -t tmpfs -o ro tmpfs /dev/shm
mount -o remount,bind,ro /
shift
cd / && exec "$@"
"""


def test_nothing_but_the_data_folder_must_be_writable(make_service, tmp_path):
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("only root mounts")
    kept = folder("kept")
    service = make_service(DATA_DIR="/mnt/data", SECRET_KEY="k" * 40)
    source = os.pathsep.join(path for path in sys.path if path)
    service.env["PYTHONPATH"] = source
    if str(tmp_path).startswith(("/mnt", "/var/tmp")) or "/tmp" in source:
        pytest.skip("the source lies where a temporary folder is hidden")
    if "FILSLUSS_DATABASE_URL" in service.env:
        pytest.skip("the socket of the test's PostgreSQL lies in /tmp")
    service.program = ["unshare", "-m", "sh", "-ec", READ_ONLY, "sh", str(kept), *service.program]
    service.start()
    assert service.get("/").status == 200
    assert (kept / "data" / "filsluss.sqlite3").exists()


@pytest.mark.postgresql_if_full
def test_a_lock_that_cannot_be_opened_is_named_in_one_line(make_service):
    service = make_service()
    service.run("migrate", "--verbosity", "0")
    (service.data_dir / "start.lock").mkdir()
    ran = service.run("serve", "--port", str(free_port()), check=False)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert "start.lock: Is a directory" in ran.stderr


@pytest.mark.postgresql_if_full
def test_without_a_tz_database_one_line_says_what_to_install(make_service):
    service = make_service()
    service.env["PYTHONTZPATH"] = "/nowhere"
    ran = service.run("list", check=False)
    if ran.returncode == 0 or "FILSLUSS_TIME_ZONE" not in ran.stderr:
        blocked = "import sys; sys.modules['tzdata'] = None; from filsluss.cli import main; main()"
        words = [sys.executable, "-c", blocked, "list"]
        ran = subprocess.run(words, env=service.env, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1)
    assert ran.stderr.startswith("filsluss: FILSLUSS_TIME_ZONE: ")
    assert "apt-get install tzdata" in ran.stderr


def test_what_deletes_every_row_is_refused(make_service):
    service = make_service()
    service.run("migrate", "--verbosity", "0")
    ran = service.run("migrate", "filsluss", "zero", check=False)
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1)


def test_a_boot_id_that_cannot_be_read_is_no_crash(monkeypatch, caplog):
    def refuse(path, *args, **more):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_text", refuse)
    drawn = [boot_id.__wrapped__() for _ in range(2)]
    assert ([len(boot) for boot in drawn], drawn[0] == drawn[1]) == ([36, 36], False)
    assert "the boot id cannot be read" in caplog.text

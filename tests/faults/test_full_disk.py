"""A disk without a free byte: what is removed gives its room back without a hand, and then all goes on."""

import contextlib
import os
from datetime import UTC, datetime, timedelta

import pytest

from tests.parts import people
from tests.parts.disks import NoDisk, small
from tests.parts.eventually import eventually
from tests.parts.installation import folder
from tests.parts.invariants import Acknowledged, check_invariants
from tests.parts.postgres import Postgres, PostgresMissing
from tests.parts.storage import blobs, rows

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

MIB = 1 << 20
TUS = {"Tus-Resumable": "1.0.0"}
FILE = os.urandom(1000) * 8000


@pytest.fixture
def disk(tmp_path):
    """For 96 MiB, with room for database, files and all."""
    try:
        with small(tmp_path, size=96 * MIB) as root:
            yield root
    except NoDisk as missing:
        pytest.skip(f"no disk that could be full: {missing}")


@pytest.fixture
def service(make_service, disk):
    """Its data folder, with database and blobs, is on that disk."""
    made = make_service(DATA_DIR=str(disk / "data"), ADMIN_EMAIL="")
    made.data_dir = disk / "data"
    yield made.start()
    made.kill()


def free(disk):
    space = os.statvfs(disk)
    return space.f_bavail * space.f_frsize


def stuff(disk):
    """Takes every byte that is free."""
    with (disk / "stuffing").open("ab", buffering=0) as file, contextlib.suppress(OSError):
        for size in (MIB, 1 << 12):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
    assert free(disk) == 0


def send(service):
    """An account with one ready file: its path, and the file's."""
    account = people.apply(service, people.FORM).location
    where = people.announce(service, account, len(FILE)).location
    assert people.append(service, where, 0, FILE).status == 204
    return account, where


def await_state(service, state, count):
    asked = f"SELECT id FROM filsluss_transferfile WHERE state = '{state}'"
    eventually(
        lambda: len(rows(service, asked)), lambda found: found == count, seconds=60, say=service.log_text
    )


def public_id(service, number):
    return rows(service, "SELECT public_id FROM filsluss_transfer ORDER BY id")[number][0]


def takes_uploads_again(service, account, seconds=20):
    answer = eventually(
        lambda: people.announce(service, account, 5), lambda answer: answer.status != 507, seconds=seconds
    )
    assert (answer.status, people.append(service, answer.location, 0, b"hello").status) == (201, 204)


def test_room_is_given_back_while_the_service_runs(service, disk, mail_server):
    accounts = [send(service) for _ in range(4)]
    await_state(service, "ready", 4)
    stuff(disk)
    for path in ("/help", "/", accounts[0][0], "/code"):
        assert service.get(path).status == 200
    assert service.get("/readyz").status == 503
    assert people.announce(service, accounts[3][0], 5).status == 507
    assert people.send_form(service, accounts[3][0], {"a": b"b"}).status == 507
    assert service.request("PUT", f"{accounts[3][0]}/a", b"b").status == 507
    assert service.request("DELETE", accounts[0][1], headers=TUS).status == 204
    await_state(service, "erased", 1)
    service.run("close", public_id(service, 1), "--reason", "För stort")
    await_state(service, "erased", 2)
    page = service.get(accounts[2][0]).text
    name = rows(service, "SELECT public_id FROM filsluss_transferfile ORDER BY id")[2][0]
    assert name in page
    assert service.post(f"{accounts[2][0]}/remove", {"file": name}).status == 303
    await_state(service, "erased", 3)
    assert len(blobs(service)) == 1
    takes_uploads_again(service, accounts[3][0])
    if "FILSLUSS_DATABASE_URL" not in service.env:  # PostgreSQL has no reserve of ours
        assert "a part of the reserve was let go" in service.log_text()
    (disk / "stuffing").unlink()
    service.stop()
    service.run_worker()
    check_invariants(service, Acknowledged(mail_server=mail_server))


@pytest.mark.postgresql_if_full
def test_accounts_end_though_the_service_was_off_and_not_a_byte_is_free(service, disk, mail_server):
    send(service)
    await_state(service, "ready", 1)
    service.stop()
    stuff(disk)
    service.run_worker(at=datetime.now(UTC) + timedelta(days=40))
    assert rows(service, "SELECT state FROM filsluss_transfer") == [("closed",)]
    assert blobs(service) == {}
    (disk / "stuffing").unlink()
    check_invariants(service)


@pytest.mark.postgresql_if_full
def test_a_download_from_a_full_disk_is_recorded(service, disk, mail_server):
    send(service)
    stuff(disk)
    assert people.fetch(service, mail_server.one("file-ready")).body == FILE
    eventually(lambda: rows(service, "SELECT id FROM filsluss_auditentry WHERE step = 'fetched'"))


@pytest.fixture
def server():
    """A PostgreSQL server with a disk of its own, and that disk."""
    base = folder("pg-full")
    base.chmod(0o755)
    try:
        with small(base, size=192 * MIB) as root:
            made = Postgres(root / "pg")
            made.folder.mkdir()
            made.start()
            try:
                yield made, root
            finally:
                made.stop()
    except (NoDisk, PostgresMissing) as missing:
        pytest.skip(str(missing))


@pytest.mark.one_database
def test_a_postgresql_server_without_room_is_met_with_a_refusal_and_waited_for(make_service, server):
    """First its disk is full; then it stops, and is started again by whoever keeps it."""
    postgres, root = server
    with postgres.database("full") as url:
        service = make_service(DATABASE_URL=url).start()
        account, where = send(service)
        await_state(service, "ready", 1)
        stuff(root)
        answers = [people.announce(service, account, 5, filename="f" * 200) for _ in range(300)]
        assert {answer.status for answer in answers} <= {201, 413, 503, 507}
        assert {answer.status for answer in answers} & {503, 507}
        assert service.get("/help").status == 200
        postgres.stop()
        assert people.announce(service, account, 5).status == 503
        (root / "stuffing").unlink()
        postgres.run()
        await_database(service)
        assert service.request("DELETE", where, headers=TUS).status == 204
        await_state(service, "erased", 1)
        send(service)
        await_state(service, "ready", 1)
        service.kill()
        os.truncate(service.log, 0)  # it has told of a server that was away


def await_database(service):
    eventually(lambda: service.get("/readyz").status, lambda status: status == 200)

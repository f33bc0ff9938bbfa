"""A disk that fails or is full, a locked database: a documented refusal, and nothing half-done."""

import json
import os
import shutil
import sqlite3
import sys
import threading
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.parts import people
from tests.parts.disks import NoDisk, small
from tests.parts.invariants import Acknowledged, check_invariants
from tests.parts.storage import rows

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

DATA = bytes(range(256)) * 40
HALF = len(DATA) // 2
OURS = {"disk_full", "busy", "damaged", "connection_reset"}
EXPECTED = (
    "the database did not answer",
    "the blob store failed",
    "is not recorded",
    "failed and will be tried again",
    "waits after try",
    "is not recorded",
    "the database's disk has no room",
)


def discard_expected_errors(service):
    """Removes the injected errors from the log, so that any other still fails the test."""
    text = service.log_text()
    assert "Traceback" not in text or any(words in text for words in EXPECTED), text
    os.truncate(service.log, 0)


def refusal_code(answer):
    """The code of a refusal; a page must be an ordinary one, with one heading."""
    if "json" in answer.headers["Content-Type"]:
        return json.loads(answer.body)["code"]
    assert answer.text.count("<h1") == 1
    return "busy" if answer.status == 503 else "disk_full"


class Sender:
    """Applies and uploads one file in two parts, and does not give up."""

    def __init__(self, service):
        self.service, self.acknowledged, self.refusals = service, 0, []
        self.upload = self.where = ""

    def go(self):
        """As far as possible; every refusal is one of those that are documented."""
        if not self.upload:
            answer = self.service.post("/", people.FORM)
            if self.refused(answer, 303):
                return False
            self.upload = answer.location
        if not self.where:
            answer = people.announce(self.service, self.upload, len(DATA))
            if self.refused(answer, 201):
                return False
            self.where = answer.location
        return self.send()

    def send(self):
        while self.acknowledged < len(DATA):
            answer = people.append(
                self.service,
                self.where,
                self.acknowledged,
                DATA[self.acknowledged : self.acknowledged + HALF],
            )
            if answer.status in (409, 410):  # another offset than expected, or damaged
                return self.look()
            if self.refused(answer, 204):
                return False
            self.acknowledged += HALF
        return True

    def look(self):
        answer = self.service.request("HEAD", self.where, headers={"Tus-Resumable": "1.0.0"})
        if answer.status == 410:
            self.where, self.acknowledged = "", 0
            return False
        assert answer.status == 200
        assert int(answer.headers["Upload-Offset"]) >= self.acknowledged
        self.acknowledged = int(answer.headers["Upload-Offset"])
        return False

    def refused(self, answer, wanted):
        if answer.status == wanted:
            return False
        assert answer.status in (503, 507), (answer.status, answer.body)
        code = refusal_code(answer)
        assert code in OURS
        self.refusals.append(code)
        if code == "damaged":  # the sender is told to begin again
            self.where, self.acknowledged = "", 0
        return True


def arrives(service, mail_server, sender):
    """After the fault everything is finished without intervention."""
    for _ in range(6):
        if sender.go():
            break
    assert sender.acknowledged == len(DATA)
    for minutes in (1, 4):  # a client that found every byte there has not finished the upload: a job does
        service.run_worker(at=datetime.now(UTC) + timedelta(minutes=minutes))
    assert [people.fetch(service, letter).body for letter in mail_server.of("file-ready")] == [DATA]
    discard_expected_errors(service)
    check_invariants(service, Acknowledged(mail_server=mail_server))


def with_fault(service, call, error, when):
    """The program under strace, which makes the n-th such call of each thread fail."""
    strace = shutil.which("strace")
    if not strace:
        pytest.skip("strace is not here (apt-get install strace)")
    fault = f"inject={call}:error={error}:when={when}"
    log = service.data_dir.with_suffix(".strace")
    return [
        strace,
        "-f",
        "--seccomp-bpf",
        "-o",
        str(log),
        "-e",
        f"trace={call}",
        "-e",
        fault,
        sys.executable,
        "-m",
        "filsluss",
    ]


SHORT_RUN = {("fdatasync", "EIO", 1), ("fsync", "EIO", 1), ("pwrite64", "ENOSPC", 1)}
FAULTS = [
    pytest.param(call, error, when, marks=() if (call, error, when) in SHORT_RUN else pytest.mark.full)
    for call, error in (
        ("fdatasync", "EIO"),
        ("fsync", "EIO"),
        ("pwrite64", "ENOSPC"),
        ("pwrite64", "EIO"),
        ("splice", "ENOSPC"),
        ("ftruncate", "EIO"),
        ("fsync", "ENOSPC"),
        ("fdatasync", "ENOSPC"),
    )
    for when in (1, 2, 3, 4, 5, 6)
]


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize(("call", "error", "when"), FAULTS)
def test_a_disk_that_fails_is_never_taken_for_one_that_kept(make_service, mail_server, call, error, when):
    service = make_service()
    service.start("web").kill()
    service.program, plain = with_fault(service, call, error, when), service.program
    service.start("web")
    sender = Sender(service)
    for _ in range(4):
        if sender.go():
            break
    service.kill()
    service.program = plain
    discard_expected_errors(service)
    service.start("web")
    assert sender.where == "" or sender.look() is False
    arrives(service, mail_server, sender)


@pytest.mark.postgresql_if_full
def test_a_full_disk_refuses_and_forgets_nothing(make_service, mail_server, tmp_path):
    try:
        with small(tmp_path, size=24 << 20) as disk:
            service = make_service(DATA_DIR=str(disk / "data"))
            service.data_dir = disk / "data"
            try:
                fills_up_and_comes_back(service.start(), mail_server, disk)
            finally:
                service.kill()
    except NoDisk as missing:
        pytest.skip(f"no disk that could be full: {missing}")


def fills_up_and_comes_back(service, mail_server, disk):
    sender = Sender(service)
    assert sender.go()
    mail_server.one("file-ready")
    stuffing = disk / "stuffing"
    with pytest.raises(OSError, match="No space left"):
        stuff(stuffing)
    late = Sender(service)
    late.upload = sender.upload
    assert not late.go()
    assert set(late.refusals) <= OURS
    assert service.get("/help").status == 200
    assert people.fetch(service, mail_server.one("file-ready")).body == DATA
    stuffing.unlink()
    for _ in range(4):
        late.go()
    assert late.acknowledged == len(DATA)
    assert [people.fetch(service, each).body for each in mail_server.wait_for("file-ready", count=2)] == [
        DATA
    ] * 2
    discard_expected_errors(service)


def stuff(path):
    """Until nothing more goes in."""
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * (1 << 12))


@contextmanager
def locked(service):
    """Another connection locks the whole database."""
    if url := service.env.get("FILSLUSS_DATABASE_URL"):
        with psycopg.connect(url) as server:
            server.execute("LOCK TABLE filsluss_transfer, filsluss_transferfile IN ACCESS EXCLUSIVE MODE")
            yield
            server.rollback()
        return
    with closing(sqlite3.connect(service.data_dir / "filsluss.sqlite3", isolation_level=None)) as file:
        file.execute("BEGIN EXCLUSIVE")
        yield
        file.execute("ROLLBACK")


def test_a_database_that_is_held_for_a_second_is_waited_for(make_service, mail_server):
    held(make_service, mail_server, long=False)


@pytest.mark.full
def test_whoever_has_waited_too_long_for_the_database_is_asked_to_come_again(make_service, mail_server):
    """SQLite waits 20 s; PostgreSQL as long as it takes."""
    held(make_service, mail_server, long=True)


def held(make_service, mail_server, *, long):
    service = make_service().start()
    sender = Sender(service)
    sender.upload = people.apply(service, people.FORM).location
    sender.where = people.announce(service, sender.upload, len(DATA)).location
    answers = []

    def ask(how):
        answers.append(how())

    asking = [
        threading.Thread(target=ask, args=(how,))
        for how in (
            lambda: service.post("/", people.FORM),
            lambda: people.append(service, sender.where, 0, DATA[:HALF]),
            lambda: people.announce(service, sender.upload, 5),
        )
    ]
    given_up = long and "FILSLUSS_DATABASE_URL" not in service.env
    with locked(service):
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join(None if given_up else 0.4)
    for thread in asking:
        thread.join()
    statuses = sorted(answer.status for answer in answers)
    assert statuses == ([503] * 3 if given_up else [201, 204, 303])
    waits = [answer.headers["Retry-After"] for answer in answers if answer.status == 503]
    assert waits == (["5"] * 3 if given_up else [])
    discard_expected_errors(service)
    sender.look()
    assert sender.go() or sender.go()
    mail_server.one("file-ready", to=people.BO)
    assert rows(service, "SELECT COUNT(*) FROM filsluss_transfer") == [(1 if given_up else 2,)]
    discard_expected_errors(service)
    check_invariants(service, Acknowledged(mail_server=mail_server))

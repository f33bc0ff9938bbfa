"""A disk that fails or is full, a database that does not answer: refused in words, and nothing half-done."""

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
from tests.parts.rows import rows
from tests.parts.world import Told, verify_world

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

DATA = bytes(range(256)) * 40
HALF = len(DATA) // 2
OURS = {"disk_full", "busy", "damaged", "connection_reset"}
SPOKEN = (
    "the database did not answer",
    "the store did not answer",
    "failed and will be tried again",
    "waits after try",
)


def heard(house):
    """Takes the faults that are meant out of the log, so that any other still fails the test."""
    text = house.log_text()
    assert "Traceback" not in text or any(words in text for words in SPOKEN), text
    os.truncate(house.log, 0)


def said(answer):
    """The code of a refusal; of a page, that it is a calm one."""
    if "json" in answer.headers["Content-Type"]:
        return json.loads(answer.body)["code"]
    assert answer.text.count("<h1") == 1
    return "busy" if answer.status == 503 else "disk_full"


class Sender:
    """Applies and uploads one file in two parts, and does not give up."""

    def __init__(self, house):
        self.house, self.told, self.refusals = house, 0, []
        self.upload = self.where = ""

    def go(self):
        """As far as it will come; every refusal is one of those that are written down."""
        if not self.upload:
            answer = self.house.post("/", people.FORM)
            if self.refused(answer, 303):
                return False
            self.upload = answer.location
        if not self.where:
            answer = people.announce(self.house, self.upload, len(DATA))
            if self.refused(answer, 201):
                return False
            self.where = answer.location
        return self.send()

    def send(self):
        while self.told < len(DATA):
            answer = people.append(self.house, self.where, self.told, DATA[self.told : self.told + HALF])
            if answer.status in (409, 410):  # another offset than we thought, or damaged: both are said
                return self.look()
            if self.refused(answer, 204):
                return False
            self.told += HALF
        return True

    def look(self):
        answer = self.house.request("HEAD", self.where, headers={"Tus-Resumable": "1.0.0"})
        if answer.status == 410:
            self.where, self.told = "", 0
            return False
        assert answer.status == 200
        assert int(answer.headers["Upload-Offset"]) >= self.told
        self.told = int(answer.headers["Upload-Offset"])
        return False

    def refused(self, answer, wanted):
        if answer.status == wanted:
            return False
        assert answer.status in (503, 507), (answer.status, answer.body)
        code = said(answer)
        assert code in OURS
        self.refusals.append(code)
        if code == "damaged":  # the sender is told to begin again
            self.where, self.told = "", 0
        return True


def arrives(house, post, sender):
    """After the fault everything goes its way without a hand."""
    for _ in range(6):
        if sender.go():
            break
    assert sender.told == len(DATA)
    for minutes in (1, 4):  # whoever found every byte there has not asked to finish: that is a chore's
        house.work(at=datetime.now(UTC) + timedelta(minutes=minutes))
    assert [people.fetch(house, letter).body for letter in post.of("file-ready")] == [DATA]
    heard(house)
    verify_world(house, Told(post=post))


def with_fault(house, call, error, when):
    """The program under strace, which makes the n-th such call of each thread fail."""
    strace = shutil.which("strace")
    if not strace:
        pytest.skip("strace is not here (apt-get install strace)")
    fault = f"inject={call}:error={error}:when={when}"
    log = house.data_dir.with_suffix(".strace")
    return [
        strace, "-f", "--seccomp-bpf", "-o", str(log), "-e", f"trace={call}", "-e", fault,
        sys.executable, "-m", "filsluss",
    ]  # fmt: skip


SHORTLY = {("fdatasync", "EIO", 1), ("fsync", "EIO", 1), ("pwrite64", "ENOSPC", 1)}
FAULTS = [
    pytest.param(call, error, when, marks=() if (call, error, when) in SHORTLY else pytest.mark.full)
    for call, error in (
        ("fdatasync", "EIO"), ("fsync", "EIO"), ("pwrite64", "ENOSPC"), ("pwrite64", "EIO"),
        ("splice", "ENOSPC"), ("ftruncate", "EIO"), ("fsync", "ENOSPC"), ("fdatasync", "ENOSPC"),
    )
    for when in (1, 2, 3, 4, 5, 6)
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "when"), FAULTS)
def test_a_disk_that_fails_is_never_taken_for_one_that_kept(make_house, post, call, error, when):
    house = make_house()
    house.run("migrate", "--verbosity", "0")
    house.start("web").kill()
    house.program, plain = with_fault(house, call, error, when), house.program
    house.start("web")
    sender = Sender(house)
    for _ in range(4):
        if sender.go():
            break
    house.kill()
    house.program = plain
    heard(house)
    house.start("web")
    assert sender.where == "" or sender.look() is False
    arrives(house, post, sender)


def test_a_full_disk_refuses_and_forgets_nothing(make_house, post, tmp_path):
    try:
        with small(tmp_path, size=24 << 20) as disk:
            house = make_house(DATA_DIR=str(disk / "data"))
            house.data_dir = disk / "data"
            try:
                fills_up_and_comes_back(house.start(), post, disk)
            finally:
                house.kill()
    except NoDisk as missing:
        pytest.skip(f"no disk that could be full: {missing}")


def fills_up_and_comes_back(house, post, disk):
    sender = Sender(house)
    assert sender.go()
    post.one("file-ready")
    stuffing = disk / "stuffing"
    with pytest.raises(OSError, match="No space left"):
        stuff(stuffing)
    late = Sender(house)
    late.upload = sender.upload
    assert not late.go()
    assert set(late.refusals) <= OURS
    assert house.get("/help").status == 200
    assert people.fetch(house, post.one("file-ready")).body == DATA
    stuffing.unlink()
    for _ in range(4):
        late.go()
    assert late.told == len(DATA)
    assert [people.fetch(house, each).body for each in post.wait_for("file-ready", count=2)] == [DATA] * 2
    heard(house)


def stuff(path):
    """Until nothing more goes in."""
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * (1 << 12))


@contextmanager
def locked(house):
    """Somebody else holds the whole database."""
    if url := house.env.get("FILSLUSS_DATABASE_URL"):
        with psycopg.connect(url) as server:
            server.execute("LOCK TABLE filsluss_transfer, filsluss_transferfile IN ACCESS EXCLUSIVE MODE")
            yield
            server.rollback()
        return
    with closing(sqlite3.connect(house.data_dir / "filsluss.sqlite3", isolation_level=None)) as file:
        file.execute("BEGIN EXCLUSIVE")
        yield
        file.execute("ROLLBACK")


def test_a_database_that_is_held_for_a_second_is_waited_for(make_house, post):
    held(make_house, post, long=False)


@pytest.mark.full
def test_whoever_has_waited_too_long_for_the_database_is_asked_to_come_again(make_house, post):
    """SQLite waits 20 s; PostgreSQL as long as it takes."""
    held(make_house, post, long=True)


def held(make_house, post, *, long):
    house = make_house().start()
    sender = Sender(house)
    sender.upload = people.apply(house, people.FORM).location
    sender.where = people.announce(house, sender.upload, len(DATA)).location
    answers = []

    def ask(how):
        answers.append(how())

    asking = [
        threading.Thread(target=ask, args=(how,))
        for how in (
            lambda: house.post("/", people.FORM),
            lambda: people.append(house, sender.where, 0, DATA[:HALF]),
            lambda: people.announce(house, sender.upload, 5),
        )
    ]
    given_up = long and "FILSLUSS_DATABASE_URL" not in house.env
    with locked(house):
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join(None if given_up else 0.4)
    for thread in asking:
        thread.join()
    statuses = sorted(answer.status for answer in answers)
    assert statuses == ([503] * 3 if given_up else [201, 204, 303])
    assert {answer.headers["Retry-After"] for answer in answers if answer.status == 503} <= {"5"}
    heard(house)
    sender.look()
    assert sender.go() or sender.go()
    post.one("file-ready", to=people.BO)
    assert rows(house, "SELECT COUNT(*) FROM filsluss_transfer") == [(1 if given_up else 2,)]
    heard(house)
    verify_world(house, Told(post=post))

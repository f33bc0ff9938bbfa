"""kill -9 and power cuts in the midst of uploads: what was acknowledged is there, and nothing comes back."""

import os
import random
import signal
import time
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tests.faults.load import Load, Upload
from tests.parts import people, rebooted
from tests.parts.disks import NoDisk, cuttable
from tests.parts.house import House, family, is_gone
from tests.parts.rows import blobs, rows
from tests.parts.world import Told, identity, verify_world

pytestmark = [pytest.mark.live, pytest.mark.timeout(21_600)]
FULL = pytest.mark.full
STILL = 300.0
"""Seconds in which even on a machine with much else to do at least one letter leaves."""
AHEAD = (5, 30, 100, 300)


class Halves:
    """Web and worker of one installation, each of which can die by itself."""

    def __init__(self, web: House) -> None:
        self.web = web
        self.worker = House(web.data_dir)
        self.worker.env, self.worker.log = web.env, web.log

    def start(self) -> None:
        if not self.web.is_running:
            self.web.start("web")
        if not self.worker.is_running:
            self.worker.start("worker")

    def kill(self, *halves: House) -> None:
        for half in halves:
            half.kill()

    def kill_a_child(self) -> None:
        """The process that serves, not its parent, which starts another at once."""
        children = family(self.web.process.pid)[1:]
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        end = time.monotonic() + 30
        while not all(is_gone(pid) for pid in children) and time.monotonic() < end:
            time.sleep(0.02)
        self.web.await_alive()


@pytest.fixture
def halves(make_house):
    made = []

    def of(**own: str) -> Halves:
        web = make_house(**own)
        web.run("migrate", "--verbosity", "0")
        made.append(Halves(web))
        return made[-1]

    yield of
    for both in made:
        both.kill(*(half for half in (both.web, both.worker) if half.process))


def deliver_all(halves: Halves) -> None:
    """Every chore until no letter waits, by clocks on which ever longer pauses are over."""
    for minutes in AHEAD:
        halves.worker.start("worker", "--once", at=datetime.now(UTC) + timedelta(minutes=minutes))
        await_the_end_of(halves.worker)
        if not (waiting := rows(halves.web, "SELECT key FROM filsluss_letter WHERE delivery = 'queued'")):
            return
    raise AssertionError(f"letters that never left: {waiting}")


def await_the_end_of(worker: House) -> None:
    """As long as it takes, if only something moves."""
    seen, since = [], time.monotonic()
    while worker.is_running:
        time.sleep(0.2)
        if (now := tally(worker)) != seen:
            seen, since = now, time.monotonic()
        assert time.monotonic() - since < STILL, f"nothing has moved for {STILL} s: {now}"
    assert worker.process.returncode == 0, worker.log_text()[-5000:]


def tally(house: House) -> list[tuple]:
    """How many letters and files are in which state; whatever a worker does changes it."""
    return [
        *rows(
            house, "SELECT delivery, COUNT(*), SUM(tries) FROM filsluss_letter GROUP BY delivery ORDER BY 1"
        ),
        *rows(house, "SELECT state, COUNT(*) FROM filsluss_transferfile GROUP BY state ORDER BY 1"),
    ]


def nothing_is_lost(halves: Halves, load: Load, post, *, faults: int) -> None:
    """P1, P2, P3 and P6, over the wire, in the mailbox and on the disk."""
    house = halves.web
    assert load.losses() == []
    load.finish()
    told = Told(post=post)
    for upload in load.kept:
        told.finished(upload.where, upload.data)
    deliver_all(halves)
    assert load.returned() == []
    wanted = sorted((upload.where[-22:], upload.sha256) for upload in load.kept)
    states = {
        name: (state, sha256)
        for name, state, sha256 in rows(house, "SELECT upload_id, state, sha256 FROM filsluss_transferfile")
    }
    assert [(name, states[name]) for name, _ in wanted] == [(name, ("ready", sum_)) for name, sum_ in wanted]
    came = Counter(identity(letter) for letter in post.of("file-ready"))
    ready = rows(house, "SELECT message_id FROM filsluss_letter WHERE kind = 'file-ready'")
    never = [name for (name,) in ready if not came[name]]
    withdrawn = rows(house, "SELECT message_id FROM filsluss_letter WHERE delivery = 'withdrawn'")
    assert set(never) <= {name for (name,) in withdrawn}
    assert len(ready) >= len(load.kept)
    assert sum(count - 1 for count in came.values()) <= faults
    verify_world(house, told)


def kills(halves: Halves, post, count: int, seed: int) -> None:
    chance = random.Random(seed)
    halves.start()
    with Load(halves.web, seed=seed) as load:
        for _ in range(count):
            time.sleep(chance.uniform(0.05, 0.4))
            victims = chance.choice(("child", (halves.web,), (halves.worker,), (halves.web, halves.worker)))
            if victims == "child":
                halves.kill_a_child()
            else:
                halves.kill(*victims)
            halves.start()
    halves.kill(halves.worker)
    assert len(load.uploads) > count / 2
    print(f"{count} kills: {load}")
    nothing_is_lost(halves, load, post, faults=count)


def test_twenty_kills_lose_nothing_that_was_acknowledged(halves, post):
    kills(halves(), post, 20, seed=1)


@FULL
def test_a_thousand_kills_lose_nothing_that_was_acknowledged(halves, post):
    kills(halves(), post, 1000, seed=2)


def test_the_check_of_these_runs_finds_whatever_is_wrong(halves, post, monkeypatch):
    house = (ours := halves()).web
    house.start("web")
    account = people.apply(house, people.FORM).location
    where = people.announce(house, account, 10).location
    people.append(house, where, 0, b"12345")
    upload = Upload(people.BO, account, where, b"1234567890", told=5)
    load = Load(house, count=0)
    load.uploads.append(upload)
    blob = blobs(house)[where[-22:]]

    def is_found(words: str) -> None:
        with pytest.raises(AssertionError, match=words):
            nothing_is_lost(ours, load, post, faults=0)

    blob.write_bytes(b"1234")
    is_found("5 of 10 told, 4 there")
    blob.write_bytes(b"12345")

    with monkeypatch.context() as hurry:
        hurry.setitem(globals(), "STILL", 3)
        post.plan["DATA"] = ["stall"]
        is_found("nothing has moved")
    ours.kill(ours.worker)
    nothing_is_lost(ours, load, post, faults=0)

    upload.gone = True
    is_found(where)
    upload.gone = False
    letter = post.one("file-ready")
    post.letters.remove(letter)
    is_found("never came|set")
    post.letters += [letter, letter]
    is_found("1 <= 0")
    post.letters.remove(letter)
    blob.write_bytes(b"1234567809")
    is_found("checksum|sha|bytes")
    blob.write_bytes(b"1234567890")
    nothing_is_lost(ours, load, post, faults=0)

    post.plan["."] = ["450 not today"] * 100
    people.send_tus(house, account, b"another")
    is_found("never left")


def cuts(halves: Halves, disk, post, count: int, seed: int) -> None:
    chance = random.Random(seed)
    with Load(halves.web, seed=seed) as load:
        for _ in range(count):
            for half in (halves.web, halves.worker):
                half.program = rebooted.program(str(uuid.uuid4()))
            halves.start()
            load.heed(True)
            time.sleep(chance.uniform(0.1, 0.6))
            load.heed(False)
            spoken = halves.web.log.stat().st_size
            disk.cut()
            halves.kill(halves.web, halves.worker)
            os.truncate(halves.web.log, spoken)  # what a machine without power cannot have said
            disk.again()
    for half in (halves.web, halves.worker):
        half.program = rebooted.program(str(uuid.uuid4()))
    halves.web.start("web")
    assert len(load.uploads) > count / 2
    print(f"{count} cuts: {load}")
    nothing_is_lost(halves, load, post, faults=count)


@pytest.fixture
def cut_house(halves, tmp_path, post, database_server):
    """A house whose data lies on a disk of which the power can be cut."""
    if database_server:
        pytest.skip("PostgreSQL's rows lie on another disk, whose power stays on")
    try:
        with cuttable(tmp_path) as disk:
            ours = halves(DATA_DIR=str(disk.root / "data"))
            ours.web.data_dir = ours.worker.data_dir = disk.root / "data"
            os.sync()
            yield ours, disk
            ours.kill(*(half for half in (ours.web, ours.worker) if half.process))
    except NoDisk as missing:
        pytest.skip(f"no disk whose power can be cut: {missing}")


def test_twenty_power_cuts_lose_nothing_that_was_acknowledged(cut_house, post):
    cuts(*cut_house, post, 20, seed=3)


@FULL
def test_three_hundred_power_cuts_lose_nothing_that_was_acknowledged(cut_house, post):
    cuts(*cut_house, post, 300, seed=4)

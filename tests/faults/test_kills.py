"""kill -9 and power cuts in the midst of uploads: what was acknowledged is there, and nothing comes back."""

import os
import random
import signal
import subprocess
import time
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tests.faults.load import Load
from tests.parts import rebooted
from tests.parts.disks import NoDisk, cuttable
from tests.parts.house import House, family, is_gone
from tests.parts.rows import rows
from tests.parts.world import Told, verify_world

pytestmark = [pytest.mark.live, pytest.mark.timeout(7200)]
FULL = pytest.mark.full


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
    def of(**own: str) -> Halves:
        web = make_house(**own)
        web.run("migrate", "--verbosity", "0")
        return Halves(web)

    return of


def deliver_all(house: House) -> int:
    """Every chore, until nothing is left; far enough ahead for the claims of dead postmen to be over.

    Returns how often a round that took too long had to be killed: thousands of letters take their time.
    """
    killed = 0
    for minutes in range(1, 200, 4):
        try:
            house.work(at=datetime.now(UTC) + timedelta(minutes=minutes))
        except subprocess.TimeoutExpired:
            killed += 1
            continue
        if minutes > 4 * killed + 4:
            break
    return killed


def nothing_is_lost(house: House, load: Load, post, *, faults: int) -> None:
    """P1, P2, P3 and P6, over the wire, in the mailbox and on the disk."""
    assert load.losses() == []
    load.finish()
    told = Told(post=post)
    for upload in load.kept:
        told.finished(upload.where, upload.data)
    faults += deliver_all(house)
    wanted = sorted((upload.where[-22:], upload.sha256) for upload in load.kept)
    states = {
        name: (state, sha256)
        for name, state, sha256 in rows(house, "SELECT upload_id, state, sha256 FROM filsluss_transferfile")
    }
    assert [(name, states[name]) for name, _ in wanted] == [(name, ("ready", sum_)) for name, sum_ in wanted]
    came = Counter(letter.message["Message-ID"] for letter in post.of("file-ready"))
    ready = rows(house, "SELECT message_id FROM filsluss_letter WHERE kind = 'file-ready'")
    never = [name for (name,) in ready if not came[name]]
    withdrawn = rows(house, "SELECT message_id FROM filsluss_letter WHERE delivery = 'withdrawn'")
    assert set(never) <= {name for (name,) in withdrawn}
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
    print(f"{count} kills: {len(load.uploads)} files announced, {load.told} bytes told")
    nothing_is_lost(halves.web, load, post, faults=count)


def test_twenty_kills_lose_nothing_that_was_acknowledged(halves, post):
    kills(halves(), post, 20, seed=1)


@FULL
def test_a_thousand_kills_lose_nothing_that_was_acknowledged(halves, post):
    kills(halves(), post, 1000, seed=2)


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
    print(f"{count} cuts: {len(load.uploads)} files announced, {load.told} bytes told")
    nothing_is_lost(halves.web, load, post, faults=count)


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

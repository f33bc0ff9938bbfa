"""kill -9 and power cuts during uploads: what was acknowledged is there, and nothing erased comes back."""

import os
import random
import signal
import time
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tests.faults.load import Load, Upload
from tests.parts import fake_reboot, people
from tests.parts.disks import NoDisk, cuttable
from tests.parts.eventually import eventually
from tests.parts.invariants import Acknowledged, check_invariants, identity
from tests.parts.service import Service, has_exited, process_tree
from tests.parts.storage import blobs, rows

pytestmark = [pytest.mark.live, pytest.mark.timeout(21_600)]
FULL = pytest.mark.full
STILL = 300.0
"""Seconds in which even on a busy machine at least one letter is sent."""
AHEAD = (5, 30, 100, 300)
PAUSE = 0.04
"""Seconds that clients pause for at most between two files, in the short runs; in long ones they do not."""


class Processes:
    """Web and worker of one installation, each of which can be killed by itself."""

    def __init__(self, web: Service) -> None:
        self.web = web
        self.worker = Service(web.data_dir)
        self.worker.env, self.worker.log = web.env, web.log

    def start(self) -> None:
        if not self.web.is_running:
            self.web.start("web")
        if not self.worker.is_running:
            self.worker.start("worker")

    def kill(self, *processes: Service) -> None:
        for each in processes:
            each.kill()

    def kill_child(self) -> None:
        """The process that serves, not its parent, which starts another at once."""
        children = process_tree(self.web.process.pid)[1:]
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: all(has_exited(pid) for pid in children), interval=0.02)
        self.web.wait_until_alive()


@pytest.fixture
def processes(make_service):
    made = []

    def of(**own: str) -> Processes:
        web = make_service(**own)
        web.lay_tables()
        made.append(Processes(web))
        return made[-1]

    yield of
    for both in made:
        both.kill(*(each for each in (both.web, both.worker) if each.process))


def deliver_all(processes: Processes) -> None:
    """Runs the worker until no letter waits, at clocks ever farther ahead, on which its pauses are over."""
    for minutes in AHEAD:
        processes.worker.start("worker", "--once", at=datetime.now(UTC) + timedelta(minutes=minutes))
        await_the_end_of(processes.worker)
        if not (waiting := rows(processes.web, "SELECT key FROM filsluss_letter WHERE delivery = 'queued'")):
            return
    raise AssertionError(f"letters that never left: {waiting}")


def await_the_end_of(worker: Service) -> None:
    """As long as it takes, if only something changes."""
    eventually(
        lambda: tally(worker) if worker.is_running else None,
        lambda found: found is None,
        seconds=STILL,
        interval=0.2,
        while_it_changes=True,
    )
    assert worker.process.returncode == 0, worker.log_text()[-5000:]


def tally(service: Service) -> list[tuple]:
    """How many letters and files are in which state; whatever a worker does changes it."""
    return [
        *rows(
            service, "SELECT delivery, COUNT(*), SUM(tries) FROM filsluss_letter GROUP BY delivery ORDER BY 1"
        ),
        *rows(service, "SELECT state, COUNT(*) FROM filsluss_transferfile GROUP BY state ORDER BY 1"),
    ]


def nothing_is_lost(processes: Processes, load: Load, mail_server, *, faults: int) -> None:
    """P1, P2, P3 and P6, over HTTP, in the mailbox and on the disk."""
    service = processes.web
    assert load.losses() == []
    load.finish()
    acknowledged = Acknowledged(mail_server=mail_server)
    for upload in load.kept:
        acknowledged.finished(upload.where, upload.data)
    deliver_all(processes)
    assert load.returned() == []
    wanted = sorted((upload.where[-22:], upload.sha256) for upload in load.kept)
    states = {
        name: (state, sha256)
        for name, state, sha256 in rows(service, "SELECT upload_id, state, sha256 FROM filsluss_transferfile")
    }
    assert [(name, states[name]) for name, _ in wanted] == [(name, ("ready", sum_)) for name, sum_ in wanted]
    came = Counter(identity(letter) for letter in mail_server.of("file-ready"))
    ready = rows(service, "SELECT message_id FROM filsluss_letter WHERE kind = 'file-ready'")
    never = [name for (name,) in ready if not came[name]]
    withdrawn = rows(service, "SELECT message_id FROM filsluss_letter WHERE delivery = 'withdrawn'")
    assert set(never) <= {name for (name,) in withdrawn}
    assert len(ready) >= len(load.kept)
    assert sum(count - 1 for count in came.values()) <= faults
    check_invariants(service, acknowledged)


def kills(processes: Processes, mail_server, count: int, seed: int, pause: float = 0.0) -> None:
    chance = random.Random(seed)
    processes.start()
    with Load(processes.web, seed=seed, pause=pause) as load:
        for _ in range(count):
            time.sleep(chance.uniform(0.05, 0.4))
            victims = chance.choice(
                ("child", (processes.web,), (processes.worker,), (processes.web, processes.worker))
            )
            if victims == "child":
                processes.kill_child()
            else:
                processes.kill(*victims)
            processes.start()
    processes.kill(processes.worker)
    assert len(load.uploads) > count / 2
    print(f"{count} kills: {load}")
    nothing_is_lost(processes, load, mail_server, faults=count)


@pytest.mark.postgresql_if_full
def test_twenty_kills_lose_nothing_that_was_acknowledged(processes, mail_server):
    kills(processes(), mail_server, 20, seed=1, pause=PAUSE)


@FULL
def test_a_thousand_kills_lose_nothing_that_was_acknowledged(processes, mail_server):
    kills(processes(), mail_server, 1000, seed=2)


@pytest.mark.postgresql_if_full
def test_the_check_of_these_runs_finds_whatever_is_wrong(processes, mail_server, monkeypatch):
    service = (ours := processes()).web
    service.start("web")
    account = people.apply(service, people.FORM).location
    where = people.announce(service, account, 10).location
    people.append(service, where, 0, b"12345")
    upload = Upload(people.BO, account, where, b"1234567890", acknowledged=5)
    load = Load(service, count=0)
    load.uploads.append(upload)
    blob = blobs(service)[where[-22:]]

    def is_found(words: str) -> None:
        with pytest.raises(AssertionError, match=words):
            nothing_is_lost(ours, load, mail_server, faults=0)

    blob.write_bytes(b"1234")
    is_found("5 of 10 acknowledged, 4 there")
    blob.write_bytes(b"12345")

    with monkeypatch.context() as hurry:
        hurry.setitem(globals(), "STILL", 3)
        mail_server.plan["DATA"] = ["stall"]
        is_found("not within 3 s")
    ours.kill(ours.worker)
    nothing_is_lost(ours, load, mail_server, faults=0)

    upload.gone = True
    is_found(where)
    upload.gone = False
    letter = mail_server.one("file-ready")
    mail_server.letters.remove(letter)
    is_found("never came|set")
    mail_server.letters += [letter, letter]
    is_found("1 <= 0")
    mail_server.letters.remove(letter)
    blob.write_bytes(b"1234567809")
    is_found("checksum|sha|bytes")
    blob.write_bytes(b"1234567890")
    nothing_is_lost(ours, load, mail_server, faults=0)

    mail_server.plan["."] = ["450 not today"] * 100
    people.send_tus(service, account, b"another")
    is_found("never left")


def cuts(processes: Processes, disk, mail_server, count: int, seed: int, pause: float = 0.0) -> None:
    chance = random.Random(seed)
    with Load(processes.web, seed=seed, pause=pause) as load:
        for _ in range(count):
            for each in (processes.web, processes.worker):
                each.program = fake_reboot.program(str(uuid.uuid4()))
            processes.start()
            load.count_answers(True)
            time.sleep(chance.uniform(0.1, 0.6))
            load.count_answers(False)
            logged = processes.web.log.stat().st_size
            disk.cut()
            processes.kill(processes.web, processes.worker)
            os.truncate(processes.web.log, logged)  # what a machine without power cannot have logged
            disk.again()
    for each in (processes.web, processes.worker):
        each.program = fake_reboot.program(str(uuid.uuid4()))
    processes.web.start("web")
    assert len(load.uploads) > count / 2
    print(f"{count} cuts: {load}")
    nothing_is_lost(processes, load, mail_server, faults=count)


@pytest.fixture
def cuttable_service(processes, tmp_path, mail_server, database_server):
    """A service whose data lies on a disk of which the power can be cut."""
    if database_server:
        pytest.skip("PostgreSQL's rows lie on another disk, whose power stays on")
    try:
        with cuttable(tmp_path) as disk:
            ours = processes(DATA_DIR=str(disk.root / "data"))
            ours.web.data_dir = ours.worker.data_dir = disk.root / "data"
            ours.web.lay_tables()
            os.sync()  # or the first cut would take them
            yield ours, disk
            ours.kill(*(each for each in (ours.web, ours.worker) if each.process))
    except NoDisk as missing:
        pytest.skip(f"no disk whose power can be cut: {missing}")


def test_twenty_power_cuts_lose_nothing_that_was_acknowledged(cuttable_service, mail_server):
    cuts(*cuttable_service, mail_server, 20, seed=3, pause=PAUSE)


@FULL
def test_three_hundred_power_cuts_lose_nothing_that_was_acknowledged(cuttable_service, mail_server):
    cuts(*cuttable_service, mail_server, 300, seed=4)

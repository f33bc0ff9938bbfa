"""The worker: however many there are, whenever they are killed, every letter is sent once."""

import logging
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import time_machine

from filsluss import clock_monitor, jobs
from filsluss.actions import clock_hold
from filsluss.clock_monitor import ClockMonitor
from filsluss.models import Heartbeat, Pause, Transfer, TransferFile
from filsluss.rules.lifecycle import State
from tests.letters.cases import make_file, make_transfer
from tests.parts.eventually import eventually
from tests.parts.people import (
    ANNA,
    BO,
    FORM,
    FROM_OUTSIDE,
    apply,
    approve,
    send_tus,
)
from tests.parts.service import Service
from tests.parts.services import services_for
from tests.parts.storage import rows


@pytest.fixture
def another(request):
    """One more process of the same installation, not started yet."""

    def make(service):
        second_process = Service(service.data_dir)
        second_process.env, second_process.log = service.env, service.log
        request.addfinalizer(second_process.tear_down)
        return second_process

    return make


def ids(letters):
    return Counter(str(letter.message["Message-ID"]) for letter in letters)


def warnings(ran):
    """What is meant for the person who called; the rest is the log."""
    return [line for line in ran.stderr.splitlines() if line.startswith("warning: ")]


@pytest.mark.parametrize("crowd", [pytest.param(2, marks=pytest.mark.postgresql_if_full), 3])
def test_several_workers_at_once_send_every_letter_once(web_only, mail_server, another, crowd):
    mail_server.slow = 0.02
    for number in range(25):
        apply(web_only, FORM, recipient_email=f"bo{number}@rontgen.example")
    for _ in range(crowd):
        another(web_only).start("worker")
    letters = mail_server.wait_for("approved", count=25)
    assert set(ids(letters).values()) == {1}
    web_only.run_worker()
    assert len(mail_server.letters) == 25


def test_a_second_worker_beside_the_service_makes_every_file_ready_once(service, mail_server, another):
    another(service).start("worker")
    upload = apply(service, FORM).location
    for number in range(15):
        assert send_tus(service, upload, b"x" * 100, filename=f"{number}.bin").status == 204
    letters = mail_server.wait_for("file-ready", count=15)
    assert set(ids(letters).values()) == {1}
    service.run_worker()
    assert len(mail_server.letters) == 16


def test_a_worker_killed_after_the_server_took_the_letter_brings_one_copy_more_of_the_same(
    web_only, mail_server, another
):
    """Nobody can know what the server would have said; whoever reads mail sees the same Message-ID."""
    apply(web_only, FORM)
    mail_server.plan = {".": ["keep silent"]}
    victim = another(web_only).start("worker")
    mail_server.one("approved")
    victim.kill()
    web_only.run_worker()
    assert list(ids(mail_server.wait_for("approved", count=2)).values()) == [2]
    web_only.run_worker(at=datetime.now(UTC) + timedelta(days=1))
    assert len(mail_server.of("approved")) == 2


def test_a_worker_killed_before_the_letter_was_whole_brings_no_second_copy(web_only, mail_server, another):
    apply(web_only, FORM)
    mail_server.plan = {"DATA": ["stall"]}
    victim = another(web_only).start("worker")
    eventually(lambda: mail_server.plan == {"DATA": []})
    victim.kill()
    web_only.run_worker()
    web_only.run_worker(at=datetime.now(UTC) + timedelta(days=1))
    assert len(mail_server.of("approved")) == 1


@pytest.mark.parametrize("ahead", [timedelta(hours=5), timedelta(days=3)], ids=str)
def test_two_workers_whose_clocks_are_hours_apart_send_a_letter_once(web_only, mail_server, another, ahead):
    """The server takes longer than any retry; the other worker finds the letter due by its own clock."""
    mail_server.slow = 8
    apply(web_only, FORM)
    another(web_only).start("worker")
    eventually(lambda: rows(web_only, "SELECT 1 FROM filsluss_letter WHERE tries = 1"))
    web_only.run_worker(at=datetime.now(UTC) + ahead)
    eventually(lambda: rows(web_only, "SELECT 1 FROM filsluss_letter WHERE delivery = 'sent'"))
    assert len(mail_server.letters) == 1
    assert rows(web_only, "SELECT tries FROM filsluss_letter") == [(1,)]


@pytest.mark.postgresql_if_full
def test_nothing_waits_for_the_mail_server_and_when_it_is_back_every_letter_comes_once(web_only, mail_server):
    apply(web_only, FROM_OUTSIDE)
    web_only.run_worker()
    request = mail_server.one("approval-requested")
    mail_server.stop()
    upload = apply(web_only, FORM).location
    apply(web_only, FROM_OUTSIDE)
    approve(web_only, request)
    assert send_tus(web_only, upload, b"x", filename="a.txt").status == 204
    web_only.run_worker()
    assert web_only.get(upload).status == 200
    assert len(mail_server.letters) == 2
    mail_server.start()
    web_only.run_worker(at=datetime.now(UTC) + timedelta(minutes=2))
    web_only.run_worker(at=datetime.now(UTC) + timedelta(minutes=10))
    came = sorted((letter.kind, letter.to[0]) for letter in mail_server.letters[2:])
    assert came == sorted(
        [
            ("approved", ANNA),
            ("approved", BO),
            ("approval-requested", ANNA),
            ("received", BO),
            ("file-ready", BO),
        ]
    )
    assert set(ids(mail_server.letters).values()) == {1}


def test_once_does_all_that_is_due_in_one_go_and_warns_after_a_long_absence(web_only, mail_server):
    for number in range(21):
        apply(web_only, FORM, days="1", recipient_email=f"bo{number}@rontgen.example")
    assert warnings(web_only.run_worker()) == []
    (line,) = warnings(web_only.run_worker(at=datetime.now(UTC) + timedelta(days=9)))
    assert line.startswith("warning: no worker has run since")
    assert "21 accounts" in line
    assert web_only.run("list", "--state", "closed").stdout.count("\n") == 21
    assert len(mail_server.of("erased")) == 21  # no file was ever ready, so no recipient is told
    assert warnings(web_only.run_worker(at=datetime.now(UTC) + timedelta(days=9))) == []


@pytest.fixture
def running(transactional_db, policy, store, mail_server, caplog, monkeypatch):
    """Starts a worker in this process, with short intervals, on a clock a test may set; again, another."""
    monkeypatch.setattr(jobs, "JOBS", tuple(replace(job, interval=0.2) for job in jobs.JOBS))
    caplog.set_level(logging.ERROR, logger="filsluss.jobs")
    at_work = []

    def end():
        while at_work:
            stop, thread = at_work.pop()
            stop.set()
            thread.join(30)
            assert not thread.is_alive()

    def start():
        end()
        began, stop, worker = (
            datetime.now(UTC),
            threading.Event(),
            jobs.Worker(services_for(policy, store, boot_id="this boot")),
        )
        at_work.append((stop, threading.Thread(target=jobs.run_forever, args=(worker, stop))))
        at_work[0][1].start()
        eventually(lambda: Heartbeat.objects.filter(name="worker", at__gte=began).exists())

    yield start
    end()


def several(count, now, **own):
    return [
        make_transfer(now, public_id=f"K7PM-22{number:02}", nonce=f"{number:032}", **own)
        for number in range(count)
    ]


def states():
    return set(Transfer.objects.values_list("state", flat=True))


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize("leap", [timedelta(days=3650), timedelta(hours=2), -timedelta(days=2)], ids=str)
def test_a_running_worker_whose_clock_leaps_ends_lapses_and_forgets_nothing(running, caplog, leap):
    now = datetime.now(UTC)
    soon, last_month = now + timedelta(minutes=30), now - timedelta(days=29, hours=23)
    (ends,) = several(1, now, open_until=soon)
    file = make_file(ends, now)
    make_transfer(now, state=State.PENDING, lapse_by=soon)
    make_transfer(now, public_id="K7PM-4QX3", state=State.CLOSED, over_at=last_month)
    running()
    with time_machine.travel(now + leap, tick=True):
        eventually(lambda: "the clock leapt by" in caplog.text)
        time.sleep(2)
    assert states() == {"open", "pending", "closed"}
    assert TransferFile.objects.get(pk=file.pk).state == "ready"


def test_a_leap_right_after_the_clock_was_judged_does_not_reach_the_job(db, policy, store, monkeypatch):
    handed, now = set(), datetime.now(UTC)
    end = jobs.Job("end", 1, lambda worker, now: handed.add(now), needs_trusted_clock=True)
    worker = jobs.Worker(services_for(policy, store, boot_id="this boot"))
    with time_machine.travel(now, tick=False) as traveller:
        watch = ClockMonitor("this boot")
        monkeypatch.setattr(clock_hold, "current", lambda: traveller.shift(timedelta(hours=2)))
        jobs._run_safely(end, worker, watch)
        monkeypatch.undo()
        jobs._run_safely(end, worker, watch)
    assert handed == {now}


def test_a_running_worker_whose_clock_is_right_ends_what_is_over(running):
    now = datetime.now(UTC)
    several(1, now, open_until=now - timedelta(seconds=1))
    running()
    eventually(lambda: states() == {"closed"})


def test_a_worker_that_starts_after_a_long_absence_ends_nothing_by_itself(running, caplog):
    now = datetime.now(UTC)
    several(21, now, open_until=now - timedelta(seconds=1))
    Heartbeat.objects.create(name="worker", at=now - timedelta(days=7, seconds=1))
    running()
    assert "21 accounts would end at once: nothing is ended" in caplog.text
    time.sleep(2)
    assert states() == {"open"}


def test_a_worker_that_starts_in_the_pause_of_another_waits_for_its_end(running, caplog, monkeypatch):
    now = datetime.now(UTC)
    several(21, now, open_until=now - timedelta(seconds=1))
    Heartbeat.objects.create(name="worker", at=now - timedelta(days=7, seconds=1))
    running()
    running()
    assert "21 accounts would end at once: the hold that an earlier worker started still lasts" in caplog.text
    time.sleep(2)
    assert states() == {"open"}
    monkeypatch.setattr(clock_monitor, "HOLD_SECONDS", 0.0)
    eventually(lambda: states() == {"closed"})
    assert not Pause.objects.exists()


@pytest.mark.postgresql_if_full
def test_a_worker_that_starts_after_a_leap_waits_though_it_saw_none(running, caplog):
    now = datetime.now(UTC)
    several(1, now, open_until=now + timedelta(minutes=30))
    running()
    with time_machine.travel(now + timedelta(days=3650), tick=True):
        eventually(lambda: "the clock leapt by" in caplog.text)
        running()
        time.sleep(2)
    assert states() == {"open"}


def test_a_pause_is_an_hour_from_its_begin_or_from_when_another_machine_meets_it(db, monkeypatch):
    begin, now = partial(clock_hold.begin, "the clock leapt"), time.monotonic()
    begin(node="", boot_id="this boot", steady=now - 3599)
    assert ClockMonitor("this boot").trouble == "the clock leapt"
    begin(node="", boot_id="this boot", steady=now - 3600)
    elsewhere, here = ClockMonitor("another boot"), ClockMonitor("this boot")
    assert (elsewhere.trouble, here.trouble) == ("the clock leapt", "")
    begin(node="", boot_id="this boot", steady=now + 10**6)
    monkeypatch.setattr(clock_monitor, "HOLD_SECONDS", 1.0)
    assert (elsewhere.trouble, here.trouble) == ("the clock leapt", "the clock leapt")
    time.sleep(1.1)
    assert (elsewhere.trouble, here.trouble) == ("", "")
    assert not Pause.objects.exists()


@pytest.mark.postgresql_if_full
@pytest.mark.parametrize(
    ("absence", "accounts"), [(timedelta(days=8), 20), (timedelta(days=6, hours=23), 21)], ids=str
)
def test_a_short_absence_or_few_accounts_are_no_cause_for_alarm(running, absence, accounts):
    now = datetime.now(UTC)
    several(accounts, now, open_until=now - timedelta(seconds=1))
    Heartbeat.objects.create(name="worker", at=now - absence)
    running()
    eventually(lambda: states() == {"closed"})

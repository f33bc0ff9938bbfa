"""The worker: its jobs and their intervals, and the threads that run them."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from filsluss import machine, outages
from filsluss.actions import (
    alarms,
    clock_hold,
    completion,
    erasure,
    expiry,
    heartbeat,
    lost_link,
    nodes,
    reminders,
    room,
    scan,
    withholding,
)
from filsluss.actions.checkpoint import truncate_log
from filsluss.actions.integrity import turns
from filsluss.blobs import StoreAway
from filsluss.clock_monitor import ClockMonitor, utc_now
from filsluss.installation import Services
from filsluss.letters import outbox, request_lists
from filsluss.letters.claims import Claimant
from filsluss.letters.delivery import MailConnection
from filsluss.pauses import FILES, LETTERS, LOST_LINKS, Pause, Pauses
from filsluss.postgresql.sessions import LISTENER
from filsluss.sqlite.changes import Changes

log = logging.getLogger(__name__)

WORKER, DELIVER = "worker", "deliver letters"
MAX_PAUSE = 15.0
"""Seconds between two tries of a job that keeps failing."""
GRACE_SECONDS = 8.0
"""For running jobs at shutdown. They may also be killed: every job survives a crash at any moment."""


@dataclass(frozen=True)
class Worker:
    """This process: what its actions need, and as whom and over how many connections it delivers letters."""

    services: Services
    claimant: Claimant = field(default_factory=Claimant)
    mail_connections: int = 1
    member: nodes.Member | None = None


@dataclass(frozen=True)
class Job:
    """`run` returns how many items it processed; after 0 it pauses for `interval` seconds.

    `needs_trusted_clock`: it acts on the time alone and cannot be undone, so it waits while a hold lasts.
    `woken_by`: the work whose notices end its pause.
    """

    name: str
    interval: float
    run: Callable[[Worker, datetime], int]
    needs_trusted_clock: bool = False
    woken_by: str = ""


def record_heartbeat(worker: Worker, now: datetime) -> int:
    heartbeat.record_heartbeat(WORKER, now=now)
    if worker.member:
        nodes.beat(worker.member, now=now)
    return 0


def by(action: Callable[..., int]) -> Callable[[Worker, datetime], int]:
    """A job that calls an action with what actions need and the time; it returns what the action does."""
    return lambda worker, now: action(services=worker.services, now=now)


def alarm_check(monitor: ClockMonitor | None) -> Callable[[Worker, datetime], int]:
    """The job that raises and clears alarms; without a monitor the clock counts as trusted."""

    def run(worker: Worker, now: datetime) -> int:
        trouble = monitor.trouble if monitor else ""
        return alarms.check_all(services=worker.services, now=now, clock_trouble=trouble)

    return run


def integrity_check_after(delay: float) -> Callable[[Worker, datetime], int]:
    """The job that compares rows and blobs, if no other worker does.

    It starts after `delay` seconds: others first recover a crash.
    """
    start = time.monotonic() + delay

    def run(worker: Worker, now: datetime) -> int:
        if time.monotonic() >= start and turns.take_turn(now=now):
            turns.compare(services=worker.services, now=now)
        return 0

    return run


def deliver_letters() -> Callable[[Worker, datetime], int]:
    """A job that delivers letters over a connection of its own, which is closed when none is due."""
    mail = MailConnection()

    def run(worker: Worker, now: datetime) -> int:
        return outbox.deliver_next(worker.claimant, mail=mail, policy=worker.services.policy, now=now)

    return run


# `worker --once` runs them in this order, so that letters written by the first jobs are delivered too.
JOBS = (
    Job("heartbeat", 10, record_heartbeat),
    Job("lapse applications", 15, by(expiry.lapse_undecided), needs_trusted_clock=True),
    Job("end accounts", 5, by(expiry.end_accounts), needs_trusted_clock=True),
    Job("make received files ready", 0.5, by(completion.ready_received), woken_by=FILES),
    *(Job(f"scan files ({number})", 1, by(scan.scan_next), woken_by=FILES) for number in (1, 2)),
    Job("receive whole uploads", 30, by(completion.receive_whole)),
    Job("remind approvers", 60, by(reminders.remind_approvers)),
    Job("remind of files", 60, by(reminders.remind_of_files)),
    Job("remind of empty accounts", 60, by(reminders.remind_empty)),
    Job("expire uploads", 60, by(expiry.expire_stale), needs_trusted_clock=True),
    Job("erase withheld files", 5, by(withholding.end_withheld), needs_trusted_clock=True),
    Job("erase files", 0.5, by(erasure.erase_files), woken_by=FILES),
    Job(
        "close collected letters",
        5,
        lambda worker, now: request_lists.close_due(policy=worker.services.policy, now=now),
    ),
    Job("send lost links", 2, by(lost_link.send_links), woken_by=LOST_LINKS),
    Job(DELIVER, 0.5, deliver_letters(), woken_by=LETTERS),
    Job("erase orphans", 600, by(erasure.erase_orphans), needs_trusted_clock=True),
    Job("forget", 3600, by(expiry.forget), needs_trusted_clock=True),
    Job("keep room", 60, by(room.tidy)),
    Job("checkpoint", 300, lambda _worker, _now: truncate_log()),
)


def run_once(worker: Worker, now: datetime) -> int:
    """Runs every job until nothing is due at `now`; returns the number of items processed.

    Waits for letters that another worker has claimed, as it may have died and no later run may follow.
    A job that fails is not run again; the others are, and then its error is raised.
    """
    total, done, failed = 0, -1, dict[str, Exception]()
    while done:
        done = sum(_run_until_idle(job, worker, now, failed) for job in JOBS)
        total += done
        done = done or outbox.wait_for_claimed(worker.claimant, now=now)
    for fault in failed.values():
        raise fault
    return total


def _run_until_idle(job: Job, worker: Worker, now: datetime, failed: dict[str, Exception]) -> int:
    total = 0
    try:
        while job.name not in failed and (done := int(job.run(worker, now))):
            total += done
    except Exception as fault:
        log.exception("job %r failed", job.name)
        failed[job.name] = fault
    return total


def continuous_jobs(monitor: ClockMonitor, worker: Worker) -> tuple[Job, ...]:
    """The jobs of a running worker only: alarms, the integrity check, and further deliveries at a time."""
    return (
        Job("check alarms", 60, alarm_check(monitor)),
        Job("check integrity", 60, integrity_check_after(900), needs_trusted_clock=True),
        *(
            Job(f"{DELIVER} ({number})", 0.5, deliver_letters(), woken_by=LETTERS)
            for number in range(2, worker.mail_connections + 1)
        ),
    )


def run_forever(worker: Worker, stop: threading.Event, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Runs each job in its own thread until `stop` is set, so that a long one delays no other.

    `meanwhile` is called every 0.2 s.
    """
    monitor = ClockMonitor(machine.boot_id(), node=worker.member.name if worker.member else "")
    begin(monitor, stop)
    is_file = connection.vendor == "sqlite"
    pauses = Pauses(Changes(connection.settings_dict["NAME"]) if is_file else LISTENER)
    threads = [
        threading.Thread(target=_repeat, args=(job, worker, monitor, stop, pause), name=job.name, daemon=True)
        for job in (*JOBS, *continuous_jobs(monitor, worker))
        for pause in (pauses.of(job.woken_by),)
    ]
    for thread in threads:
        thread.start()
    while not stop.is_set():  # not stop.wait(): the signal handler that sets it could deadlock on its lock
        meanwhile()
        time.sleep(0.2)
    pauses.end()
    deadline = time.monotonic() + GRACE_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def begin(monitor: ClockMonitor, stop: threading.Event) -> None:
    """Looks whether the clock may be trusted; waits for a database that is away, unless `stop` is set."""
    failures = 0
    while not stop.is_set():
        try:
            if why := clock_hold.long_absence(WORKER, now=utc_now()):
                monitor.hold(why)
            elif why := monitor.trouble:
                log.error("%s: the hold that an earlier worker started still lasts", why)
        except outages.AWAY as fault:
            outages.database_failed(fault)
            connection.close()
            failures += 1
            for _ in range(int(5 * pause_after(failures))):  # not stop.wait(): see run_forever
                time.sleep(0 if stop.is_set() else 0.2)
        else:
            return


def _repeat(job: Job, worker: Worker, monitor: ClockMonitor, stop: threading.Event, pause: Pause) -> None:
    """Runs the job until `stop` is set, at its interval; after failures with growing pauses."""
    failures = 0
    while not stop.is_set():
        pause.begin()
        done = _run_safely(job, worker, monitor)
        connection.close()  # another job needs it while this one pauses
        failures = failures + 1 if done is None else 0
        if not done and not stop.is_set():
            pause.wait(max(job.interval, pause_after(failures)))


def pause_after(failures: int) -> float:
    """Seconds to wait after so many failures one after the other: 2, 4, 8 … MAX_PAUSE; 0 after none."""
    return float(min(MAX_PAUSE, 2**failures)) if failures else 0.0


def _run_safely(job: Job, worker: Worker, monitor: ClockMonitor) -> int | None:
    """How many items the job processed; None if it failed."""
    try:
        # The job gets the reading that was checked, as the clock may leap after the check.
        now, trouble = monitor.read() if job.needs_trusted_clock else (utc_now(), "")
        return 0 if trouble else int(job.run(worker, now))
    except outages.AWAY as fault:
        outages.database_failed(fault)
    except StoreAway as fault:
        outages.store.met(fault)
    except Exception:
        log.exception("job %r failed and will be tried again", job.name)
    return None

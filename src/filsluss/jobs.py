"""The worker: its jobs and their intervals, the threads that run them, and the monitor of the clock."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import close_old_connections, connection

from filsluss.actions import alarms, clock_hold, completion, erasure, expiry, heartbeat, reminders, room, scan
from filsluss.actions.checkpoint import truncate_log
from filsluss.actions.integrity.findings import World
from filsluss.actions.integrity.repair import reconcile
from filsluss.blobs import Store
from filsluss.letters import outbox, request_lists
from filsluss.letters.claims import Claimant
from filsluss.letters.delivery import MailConnection
from filsluss.models import Pause
from filsluss.rules.policy import Policy
from filsluss.scanners.clamd import Clamd

log = logging.getLogger(__name__)

WORKER, DELIVER = "worker", "deliver letters"
CLOCK_LEAP = timedelta(hours=1)
HOLD_SECONDS = 3600.0
"""How long nothing is ended or erased by time after a clock leap or a long absence."""
GRACE_SECONDS = 8.0
"""For running jobs at shutdown. They may also be killed: every job survives a crash at any moment."""


@dataclass(frozen=True)
class Services:
    """What every job needs."""

    policy: Policy
    store: Store
    boot_id: str
    scanner: Clamd | None = None
    claimant: Claimant = field(default_factory=Claimant)
    mail_connections: int = 1


@dataclass(frozen=True)
class Job:
    """`run` returns how many items it processed; after 0 it pauses for `interval` seconds.

    `needs_trusted_clock`: it acts on the time alone and cannot be undone, so it waits while a hold lasts.
    """

    name: str
    interval: float
    run: Callable[[Services, datetime], int]
    needs_trusted_clock: bool = False


def record_heartbeat(services: Services, now: datetime) -> int:
    heartbeat.record_heartbeat(WORKER, now=now)
    return 0


def scan_next(services: Services, now: datetime) -> int:
    return scan.scan_next(services.scanner, store=services.store, policy=services.policy, now=now)


def alarm_check(monitor: "ClockMonitor | None") -> Callable[[Services, datetime], int]:
    """The job that raises and clears alarms; without a monitor the clock counts as trusted."""

    def run(services: Services, now: datetime) -> int:
        return alarms.check_all(
            services.scanner,
            store=services.store,
            policy=services.policy,
            now=now,
            clock_trouble=monitor.trouble if monitor else "",
        )

    return run


def integrity_check_after(delay: float) -> Callable[[Services, datetime], int]:
    """The job that compares rows and blobs. It starts after `delay` seconds: others first recover a crash."""
    start = time.monotonic() + delay

    def run(services: Services, now: datetime) -> int:
        if time.monotonic() >= start:
            with_scanner = services.scanner is not None
            reconcile(
                World(services.store, services.policy, services.boot_id, now, with_scanner=with_scanner)
            )
        return 0

    return run


def deliver_letters() -> Callable[[Services, datetime], int]:
    """A job that delivers letters over a connection of its own, which is closed when none is due."""
    mail = MailConnection()

    def run(services: Services, now: datetime) -> int:
        return outbox.deliver_next(services.claimant, mail=mail, policy=services.policy, now=now)

    return run


def checkpoint(services: Services, now: datetime) -> int:
    truncate_log()
    return 0


# `worker --once` runs them in this order, so that letters written by the first jobs are delivered too.
JOBS = (
    Job("heartbeat", 10, record_heartbeat),
    Job(
        "lapse applications",
        15,
        lambda services, now: expiry.lapse_undecided(policy=services.policy, now=now),
        needs_trusted_clock=True,
    ),
    Job(
        "end accounts",
        5,
        lambda services, now: expiry.end_accounts(policy=services.policy, now=now),
        needs_trusted_clock=True,
    ),
    Job(
        "make received files ready",
        0.5,
        lambda services, now: completion.ready_received(
            store=services.store, policy=services.policy, now=now, with_scanner=services.scanner is not None
        ),
    ),
    *(Job(f"scan files ({number})", 1, scan_next) for number in (1, 2)),
    Job(
        "receive whole uploads",
        30,
        lambda services, now: completion.receive_whole(
            store=services.store, policy=services.policy, boot_id=services.boot_id, now=now
        ),
    ),
    Job("remind approvers", 60, lambda own, now: reminders.remind_approvers(policy=own.policy, now=now)),
    Job("remind of files", 60, lambda own, now: reminders.remind_of_files(policy=own.policy, now=now)),
    Job(
        "expire uploads",
        60,
        lambda services, now: expiry.expire_stale(store=services.store, policy=services.policy, now=now),
        needs_trusted_clock=True,
    ),
    Job(
        "erase files",
        0.5,
        lambda services, now: erasure.erase_files(store=services.store, policy=services.policy, now=now),
    ),
    Job("close collected letters", 5, lambda own, now: request_lists.close_due(policy=own.policy, now=now)),
    Job(DELIVER, 0.5, deliver_letters()),
    Job(
        "erase orphans",
        600,
        lambda services, now: erasure.erase_orphans(store=services.store, policy=services.policy, now=now),
        needs_trusted_clock=True,
    ),
    Job(
        "forget",
        3600,
        lambda services, now: expiry.forget(policy=services.policy, now=now),
        needs_trusted_clock=True,
    ),
    Job("keep room", 60, lambda own, now: room.tidy(store=own.store, policy=own.policy, now=now)),
    Job("checkpoint", 300, checkpoint),
)


def utc_now() -> datetime:
    return datetime.now(UTC)


class ClockMonitor:
    """Holds the jobs that need a trusted clock, because what they erase on a wrong clock is lost.

    A hold starts after a clock leap or a long absence and lasts HOLD_SECONDS. It is a row in the database,
    so that a worker that starts meanwhile obeys it as well.
    """

    def __init__(self, boot_id: str) -> None:
        self._wall, self._monotonic = utc_now(), time.monotonic()
        self._boot_id = boot_id
        self._first_seen: dict[tuple[str, float], float] = {}
        self._lock = threading.Lock()

    def read(self) -> tuple[datetime, str]:
        """The time, and why it is not trusted, empty if it is; a leap beyond CLOCK_LEAP starts a hold."""
        with self._lock:
            now, monotonic = utc_now(), time.monotonic()
            drift = now - self._wall - timedelta(seconds=monotonic - self._monotonic)
            if abs(drift) > CLOCK_LEAP:
                self.hold(f"the clock leapt by {drift}")
                self._wall, self._monotonic = now, monotonic
            current = clock_hold.current()
            if current and time.monotonic() - self._start_of(current) >= HOLD_SECONDS:
                clock_hold.end(current)
                current = None
            return now, current.why if current else ""

    @property
    def trouble(self) -> str:
        """Why the clock is not trusted; empty if it is."""
        return self.read()[1]

    def hold(self, why: str) -> None:
        clock_hold.begin(why, boot_id=self._boot_id, steady=time.monotonic())
        log.error("%s: nothing is ended, lapsed or forgotten for an hour; is the clock right?", why)

    def _start_of(self, hold: Pause) -> float:
        """When it started by time.monotonic(); for a hold of another boot, when it was first seen here."""
        if hold.boot_id == self._boot_id and hold.steady <= time.monotonic():
            return hold.steady
        return self._first_seen.setdefault((hold.boot_id, hold.steady), time.monotonic())


def run_once(services: Services, now: datetime) -> int:
    """Runs every job until nothing is due at `now`; returns the number of items processed.

    Waits for letters that another worker has claimed, as it may have died and no later run may follow.
    A job that fails is not run again; the others are, and then its error is raised.
    """
    total, done, failed = 0, -1, dict[str, Exception]()
    while done:
        done = sum(_run_until_idle(job, services, now, failed) for job in JOBS)
        total += done
        done = done or outbox.wait_for_claimed(services.claimant, now=now)
    for fault in failed.values():
        raise fault
    return total


def _run_until_idle(job: Job, services: Services, now: datetime, failed: dict[str, Exception]) -> int:
    total = 0
    try:
        while job.name not in failed and (done := int(job.run(services, now))):
            total += done
    except Exception as fault:
        log.exception("job %r failed", job.name)
        failed[job.name] = fault
    return total


def continuous_jobs(monitor: ClockMonitor, services: Services) -> tuple[Job, ...]:
    """The jobs of a running worker only: alarms, the integrity check, and further deliveries at a time."""
    return (
        Job("check alarms", 60, alarm_check(monitor)),
        Job("check integrity", 1800, integrity_check_after(900), needs_trusted_clock=True),
        *(
            Job(f"{DELIVER} ({number})", 0.5, deliver_letters())
            for number in range(2, services.mail_connections + 1)
        ),
    )


def run_forever(services: Services, stop: threading.Event) -> None:
    """Runs each job in its own thread until `stop` is set, so that a long one delays no other."""
    monitor = ClockMonitor(services.boot_id)
    if why := clock_hold.long_absence(WORKER, now=utc_now()):
        monitor.hold(why)
    elif why := monitor.trouble:
        log.error("%s: the hold that an earlier worker started still lasts", why)
    threads = [
        threading.Thread(target=_repeat, args=(job, services, monitor, stop), name=job.name, daemon=True)
        for job in (*JOBS, *continuous_jobs(monitor, services))
    ]
    for thread in threads:
        thread.start()
    while not stop.is_set():  # not stop.wait(): the signal handler that sets it could deadlock on its lock
        time.sleep(0.2)
    deadline = time.monotonic() + GRACE_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _repeat(job: Job, services: Services, monitor: ClockMonitor, stop: threading.Event) -> None:
    while not stop.is_set():
        close_old_connections()
        if not _run_safely(job, services, monitor):
            stop.wait(job.interval)
    connection.close()


def _run_safely(job: Job, services: Services, monitor: ClockMonitor) -> int:
    try:
        # The job gets the reading that was checked, as the clock may leap after the check.
        now, trouble = monitor.read() if job.needs_trusted_clock else (utc_now(), "")
        return 0 if trouble else int(job.run(services, now))
    except Exception:
        log.exception("job %r failed and will be tried again", job.name)
        connection.close()
        return 0

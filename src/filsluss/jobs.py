"""The jobs of the worker: what is done by itself, how often, and whether the clock can be trusted."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import close_old_connections, connection

from filsluss.actions import alarms, clock_hold, completion, erasure, expiry, heartbeat, reminders, scan
from filsluss.actions.checkpoint import truncate_log
from filsluss.actions.integrity.findings import World
from filsluss.actions.integrity.repair import reconcile
from filsluss.blobs import Store
from filsluss.letters import outbox
from filsluss.letters.claims import Claimant
from filsluss.models import Heartbeat, Pause, Transfer
from filsluss.rules.policy import Policy
from filsluss.scanners.clamd import Clamd

log = logging.getLogger(__name__)

WORKER = "worker"
CLOCK_LEAP = timedelta(hours=1)
LONG_ABSENCE, MANY_ACCOUNTS = timedelta(days=7), 20
HOLD_SECONDS = 3600.0
GRACE_SECONDS = 8.0
"""Seconds for what is under way when the services is told to end; a crash may come at any moment anyway."""


@dataclass(frozen=True)
class Services:
    """What every job is handed."""

    policy: Policy
    store: Store
    boot_id: str
    scanner: Clamd | None = None
    claimant: Claimant = field(default_factory=Claimant)


@dataclass(frozen=True)
class Job:
    """`run` answers how much it did; `every` is the pause in seconds after it found nothing to do.

    `is_final`: time alone decides it and nothing takes it back, so that it needs a clock that is right.
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
    """Raises and settles the alarms; `monitor` is the clock that a running worker looks at."""

    def run(services: Services, now: datetime) -> int:
        return alarms.check_all(
            services.scanner, store=services.store, policy=services.policy, now=now,
            clock_trouble=monitor.trouble if monitor else "",
        )  # fmt: skip

    return run


def integrity_check_after(delay: float) -> Callable[[Services, datetime], int]:
    """Compares rows and blobs; not before the other jobs have had time to finish what a crash left."""
    begins = time.monotonic() + delay

    def run(services: Services, now: datetime) -> int:
        if time.monotonic() >= begins:
            with_scanner = services.scanner is not None
            reconcile(
                World(services.store, services.policy, services.boot_id, now, with_scanner=with_scanner)
            )
        return 0

    return run


def checkpoint(services: Services, now: datetime) -> int:
    truncate_log()
    return 0


# Done once, they are done in this order: what time has ended is told of before letters leave.
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
    Job(
        "remind approvers",
        60,
        lambda services, now: reminders.remind_approvers(policy=services.policy, now=now),
    ),
    Job(
        "remind of files",
        60,
        lambda services, now: reminders.remind_of_files(policy=services.policy, now=now),
    ),
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
    Job(
        "deliver letters",
        0.5,
        lambda services, now: outbox.deliver_next(services.claimant, policy=services.policy, now=now),
    ),
    Job(
        "erase orphans",
        600,
        lambda services, now: erasure.erase_orphans(store=services.store, now=now),
        needs_trusted_clock=True,
    ),
    Job(
        "forget",
        3600,
        lambda services, now: expiry.forget(policy=services.policy, now=now),
        needs_trusted_clock=True,
    ),
    Job("wipe the log", 300, checkpoint),
)


def utc_now() -> datetime:
    return datetime.now(UTC)


class ClockMonitor:
    """What is erased on a wrong clock is gone: after a leap, or a long absence, that waits an hour.

    The pause is kept in the database, so that a worker that starts meanwhile waits, too.
    """

    def __init__(self, boot_id: str) -> None:
        self._wall, self._steady = utc_now(), time.monotonic()
        self._boot_id = boot_id
        self._met: dict[tuple[str, float], float] = {}
        self._lock = threading.Lock()

    def look(self) -> tuple[datetime, str]:
        """The time, and why that reading is not trusted, empty when it is.

        A leap of more than an hour starts a pause.
        """
        with self._lock:
            now, steady = utc_now(), time.monotonic()
            drift = now - self._wall - timedelta(seconds=steady - self._steady)
            if abs(drift) > CLOCK_LEAP:
                self.hold(f"the clock leapt by {drift}")
                self._wall, self._steady = now, steady
            current = clock_hold.current()
            if current and time.monotonic() - self._began(current) >= HOLD_SECONDS:
                clock_hold.end(current)
                current = None
            return now, current.why if current else ""

    @property
    def trouble(self) -> str:
        """Why it is not trusted just now; empty when it is."""
        return self.look()[1]

    def hold(self, why: str) -> None:
        """Starts a hold that the database keeps."""
        clock_hold.begin(why, boot_id=self._boot_id, steady=time.monotonic())
        log.error("%s: nothing is ended, lapsed or forgotten for an hour; is the time right?", why)

    def _began(self, hold: Pause) -> float:
        """By our steady clock; of one begun by another, all we know is when we met it."""
        if hold.boot_id == self._boot_id and hold.steady <= time.monotonic():
            return hold.steady
        return self._met.setdefault((hold.boot_id, hold.steady), time.monotonic())


def long_absence(now: datetime) -> str:
    """Why a starting worker should not trust what is due now; empty when it may."""
    last = Heartbeat.objects.filter(name=WORKER).first()
    due = Transfer.objects.over_at(now).count()
    if last and now - last.at > LONG_ABSENCE and due > MANY_ACCOUNTS:
        return f"no worker has run since {last.at:%Y-%m-%d %H:%M} and {due} accounts would end at once"
    return ""


def run_once(services: Services, now: datetime) -> int:
    """Does all that is due at `now`, until nothing is left; returns how much that was.

    A letter in another's hands is waited for: he may have died, and there may be no next round soon.
    """
    total, done = 0, -1
    while done:
        done = sum(_run_until_idle(job, services, now) for job in JOBS)
        total += done
        done = done or outbox.wait_for_claimed(services.claimant, now=now)
    return total


def _run_until_idle(job: Job, services: Services, now: datetime) -> int:
    total = 0
    while done := int(job.run(services, now)):
        total += done
    return total


def continuous_jobs(monitor: ClockMonitor) -> tuple[Job, ...]:
    """Looking after the services, for as long as it is lived in."""
    return (
        Job("monitor", 60, alarm_check(monitor)),
        Job("compare", 1800, integrity_check_after(900), needs_trusted_clock=True),
    )


def run_forever(services: Services, stop: threading.Event) -> None:
    """Each job in a thread of its own, so that a long one keeps no other waiting."""
    monitor = ClockMonitor(services.boot_id)
    if why := long_absence(utc_now()):
        monitor.hold(why)
    elif why := monitor.trouble:
        log.error("%s: the pause of a worker before this one goes on", why)
    threads = [
        threading.Thread(target=_repeat, args=(job, services, monitor, stop), name=job.name, daemon=True)
        for job in (*JOBS, *continuous_jobs(monitor))
    ]
    for thread in threads:
        thread.start()
    while not stop.is_set():  # a signal's handler must never meet us inside the event's lock
        time.sleep(0.2)
    late = time.monotonic() + GRACE_SECONDS
    for thread in threads:
        thread.join(max(0.0, late - time.monotonic()))


def _repeat(job: Job, services: Services, monitor: ClockMonitor, stop: threading.Event) -> None:
    while not stop.is_set():
        close_old_connections()
        if not _run_safely(job, services, monitor):
            stop.wait(job.interval)
    connection.close()


def _run_safely(job: Job, services: Services, monitor: ClockMonitor) -> int:
    try:
        # The very reading that was judged is what the job is handed: the clock may leap in between.
        now, trouble = monitor.look() if job.needs_trusted_clock else (utc_now(), "")
        return 0 if trouble else int(job.run(services, now))
    except Exception:
        log.exception("the job %r failed and will be tried again", job.name)
        connection.close()
        return 0

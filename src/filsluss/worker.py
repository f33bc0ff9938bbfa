"""The list of chores: what the house does by itself, how often, and the watch over its clock."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import close_old_connections, connection

from filsluss.actions import alarm, pause, scan, sweep
from filsluss.actions.reconcile import reconcile
from filsluss.actions.wipe import wipe_log
from filsluss.actions.world import World
from filsluss.blobs import Store
from filsluss.blobs.clamd import Clamd
from filsluss.letters import postman
from filsluss.letters.lease import Holder
from filsluss.models import Heartbeat, Pause, Transfer
from filsluss.rules.policy import Policy

log = logging.getLogger(__name__)

WORKER = "worker"
LEAP = timedelta(hours=1)
ABSENCE, CROWD = timedelta(days=7), 20
PAUSE = 3600.0
GRACE = 8.0
"""Seconds for what is under way when the house is told to end; a crash may come at any moment anyway."""


@dataclass(frozen=True)
class House:
    """What every chore is handed."""

    policy: Policy
    store: Store
    boot_id: str
    scanner: Clamd | None = None
    postman: Holder = field(default_factory=Holder)


@dataclass(frozen=True)
class Chore:
    """`run` answers how much it did; `every` is the pause in seconds after it found nothing to do.

    `is_final`: time alone decides it and nothing takes it back, so that it needs a clock that is right.
    """

    name: str
    every: float
    run: Callable[[House, datetime], int]
    is_final: bool = False


def beat(house: House, now: datetime) -> int:
    sweep.show_alive(WORKER, now=now)
    return 0


def scan_next(house: House, now: datetime) -> int:
    return scan.scan_next(house.scanner, store=house.store, policy=house.policy, now=now)


def watch_over(watch: "Clock | None") -> Callable[[House, datetime], int]:
    """Raises and settles the alarms; `watch` is the clock that a running worker looks at."""

    def run(house: House, now: datetime) -> int:
        return alarm.watch(
            house.scanner, store=house.store, policy=house.policy, now=now,
            clock_trouble=watch.trouble if watch else "",
        )  # fmt: skip

    return run


def compare_after(pause: float) -> Callable[[House, datetime], int]:
    """Compares rows and blobs; not before the other chores have had time to finish what a crash left."""
    begins = time.monotonic() + pause

    def run(house: House, now: datetime) -> int:
        if time.monotonic() >= begins:
            with_scanner = house.scanner is not None
            reconcile(World(house.store, house.policy, house.boot_id, now, with_scanner=with_scanner))
        return 0

    return run


def wipe(house: House, now: datetime) -> int:
    wipe_log()
    return 0


# Done once, they are done in this order: what time has ended is told of before letters leave.
CHORES = (
    Chore("heartbeat", 10, beat),
    Chore(
        "lapse applications",
        15,
        lambda house, now: sweep.lapse_undecided(policy=house.policy, now=now),
        is_final=True,
    ),
    Chore(
        "end accounts", 5, lambda house, now: sweep.end_accounts(policy=house.policy, now=now), is_final=True
    ),
    Chore(
        "make received files ready",
        0.5,
        lambda house, now: sweep.ready_received(
            store=house.store, policy=house.policy, now=now, with_scanner=house.scanner is not None
        ),
    ),
    *(Chore(f"scan files ({number})", 1, scan_next) for number in (1, 2)),
    Chore(
        "receive whole uploads",
        30,
        lambda house, now: sweep.receive_whole(
            store=house.store, policy=house.policy, boot_id=house.boot_id, now=now
        ),
    ),
    Chore("remind approvers", 60, lambda house, now: sweep.remind_approvers(policy=house.policy, now=now)),
    Chore("remind of files", 60, lambda house, now: sweep.remind_of_files(policy=house.policy, now=now)),
    Chore(
        "expire uploads",
        60,
        lambda house, now: sweep.expire_stale(store=house.store, policy=house.policy, now=now),
        is_final=True,
    ),
    Chore(
        "erase files",
        0.5,
        lambda house, now: sweep.erase_files(store=house.store, policy=house.policy, now=now),
    ),
    Chore(
        "deliver letters",
        0.5,
        lambda house, now: postman.deliver_next(house.postman, policy=house.policy, now=now),
    ),
    Chore(
        "erase orphans",
        600,
        lambda house, now: sweep.erase_orphans(store=house.store, now=now),
        is_final=True,
    ),
    Chore("forget", 3600, lambda house, now: sweep.forget(policy=house.policy, now=now), is_final=True),
    Chore("wipe the log", 300, wipe),
)


def clock() -> datetime:
    return datetime.now(UTC)


class Clock:
    """What is erased on a wrong clock is gone: after a leap, or a long absence, that waits an hour.

    The pause is kept in the database, so that a worker that starts meanwhile waits, too.
    """

    def __init__(self, boot_id: str) -> None:
        self._wall, self._steady = clock(), time.monotonic()
        self._boot_id = boot_id
        self._met: dict[tuple[str, float], float] = {}
        self._lock = threading.Lock()

    def look(self) -> tuple[datetime, str]:
        """The time, and why that reading is not trusted, empty when it is.

        A leap of more than an hour starts a pause.
        """
        with self._lock:
            now, steady = clock(), time.monotonic()
            drift = now - self._wall - timedelta(seconds=steady - self._steady)
            if abs(drift) > LEAP:
                self.pause(f"the clock leapt by {drift}")
                self._wall, self._steady = now, steady
            current = pause.under_way()
            if current and time.monotonic() - self._began(current) >= PAUSE:
                pause.end(current)
                current = None
            return now, current.why if current else ""

    @property
    def trouble(self) -> str:
        """Why it is not trusted just now; empty when it is."""
        return self.look()[1]

    def pause(self, why: str) -> None:
        pause.begin(why, boot_id=self._boot_id, steady=time.monotonic())
        log.error("%s: nothing is ended, lapsed or forgotten for an hour; is the time right?", why)

    def _began(self, pause: Pause) -> float:
        """By our steady clock; of one begun by another, all we know is when we met it."""
        if pause.boot_id == self._boot_id and pause.steady <= time.monotonic():
            return pause.steady
        return self._met.setdefault((pause.boot_id, pause.steady), time.monotonic())


def long_absence(now: datetime) -> str:
    """Why a starting worker should not trust what is due now; empty when it may."""
    last = Heartbeat.objects.filter(name=WORKER).first()
    due = Transfer.objects.over_at(now).count()
    if last and now - last.at > ABSENCE and due > CROWD:
        return f"no worker has run since {last.at:%Y-%m-%d %H:%M} and {due} accounts would end at once"
    return ""


def run_once(house: House, now: datetime) -> int:
    """Does all that is due at `now`, until nothing is left; returns how much that was.

    A letter in another's hands is waited for: he may have died, and there may be no next round soon.
    """
    total, done = 0, -1
    while done:
        done = sum(_exhaust(chore, house, now) for chore in CHORES)
        total += done
        done = done or postman.outwait(house.postman, now=now)
    return total


def _exhaust(chore: Chore, house: House, now: datetime) -> int:
    total = 0
    while done := int(chore.run(house, now)):
        total += done
    return total


def chores_of_a_long_life(watch: Clock) -> tuple[Chore, ...]:
    """Looking after the house, for as long as it is lived in."""
    return (
        Chore("watch", 60, watch_over(watch)),
        Chore("compare", 1800, compare_after(900), is_final=True),
    )


def run_forever(house: House, stop: threading.Event) -> None:
    """Each chore in a thread of its own, so that a long one keeps no other waiting."""
    watch = Clock(house.boot_id)
    if why := long_absence(clock()):
        watch.pause(why)
    elif why := watch.trouble:
        log.error("%s: the pause of a worker before this one goes on", why)
    threads = [
        threading.Thread(target=_repeat, args=(chore, house, watch, stop), name=chore.name, daemon=True)
        for chore in (*CHORES, *chores_of_a_long_life(watch))
    ]
    for thread in threads:
        thread.start()
    while not stop.is_set():  # a signal's handler must never meet us inside the event's lock
        time.sleep(0.2)
    late = time.monotonic() + GRACE
    for thread in threads:
        thread.join(max(0.0, late - time.monotonic()))


def _repeat(chore: Chore, house: House, watch: Clock, stop: threading.Event) -> None:
    while not stop.is_set():
        close_old_connections()
        if not _try(chore, house, watch):
            stop.wait(chore.every)
    connection.close()


def _try(chore: Chore, house: House, watch: Clock) -> int:
    try:
        # The very reading that was judged is what the chore is handed: the clock may leap in between.
        now, trouble = watch.look() if chore.is_final else (clock(), "")
        return 0 if trouble else int(chore.run(house, now))
    except Exception:
        log.exception("the chore %r failed and will be tried again", chore.name)
        connection.close()
        return 0

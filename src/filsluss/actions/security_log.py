"""The security log: events are counted in memory, and each process writes its counts every few seconds."""

import logging
import os
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields, replace
from datetime import UTC, datetime
from operator import itemgetter

from django.db import DatabaseError, connection, transaction
from django.utils.crypto import salted_hmac

from filsluss.models import SecurityEvent
from filsluss.origin import current_origin
from filsluss.rules.networks import rate_key
from filsluss.rules.security_events import BY_STATUS, OUTCOMES, Kind, Outcome, refused_kind

log = logging.getLogger(__name__)

FLUSH_SECONDS = 5.0
KEYS_PER_KIND = 200
"""How many different events of a kind and minute a process counts apart; the rest are of network `other`.

Each kind has as many, so that no flood of one hides where another came from.
"""
MOST_WAITING = 5000
"""How many different events may wait while the database does not answer; further ones are dropped."""
ELSEWHERE = "other"


@dataclass(frozen=True, order=True)
class Event:
    """The columns of `SecurityEvent` by which events are counted together."""

    at: datetime
    kind: str
    outcome: str
    account: str = ""
    network: str = ""
    person: str = ""
    transfer_public_id: str = ""


@dataclass
class Tally:
    """How often an event happened, and the id of the first request of them."""

    count: int
    request_id: str


def event_now(
    kind: Kind, *, outcome: Outcome, account: str = "", person: str = "", transfer: str = "", now: datetime
) -> Event:
    """The event of the current request's client, in the minute of `now`."""
    assert outcome in OUTCOMES[kind], f"{kind} has no outcome {outcome}"
    minute = now.astimezone(UTC).replace(second=0, microsecond=0)
    network = network_name(current_origin().network)
    return Event(minute, kind.value, outcome.value, account, network, person, transfer)


def network_name(address: str | None) -> str:
    """What a client is counted by: its IPv4 address, or the /64 of its IPv6 address; empty without one."""
    return rate_key(address).removesuffix("/32") if address else ""


def hidden_account(name: str) -> str:
    """What is stored of a name that no account has: it may be a password in the wrong field."""
    return f"hmac:{salted_hmac('filsluss.account', name, algorithm='sha256').hexdigest()[:32]}"


def note(event: Event) -> None:
    """Counts an event of the current request. Where no writer runs, as in a command, it is written now."""
    if writer.is_running():
        writer.add(event, Tally(1, current_origin().request_id))
    else:
        note_at_once(event)


def note_at_once(event: Event) -> None:
    """Counts an event of the current request in the caller's transaction."""
    tally = Tally(1, current_origin().request_id)
    write({event: tally})
    transaction.on_commit(lambda: _log(event, tally))


def note_refusal(path: str, *, status: str, now: datetime) -> None:
    """Notes a response 403 or 429. Sign-ins that come too often are noted where they are counted."""
    if (outcome := BY_STATUS.get(status[:3])) is None:
        return
    kind = refused_kind(path)
    if kind is Kind.SIGN_IN and outcome is Outcome.LIMITED:
        return
    try:
        note(event_now(kind, outcome=outcome, now=now))
    except DatabaseError as fault:  # the response must not depend on it
        log.error("a refusal is not noted in the security log: %s", fault)


EVENT = ", ".join(field.name for field in fields(Event))
ADD = (
    f"INSERT INTO filsluss_securityevent ({EVENT}, request_id, count)"  # noqa: S608 - constants
    f" VALUES ({', '.join(['%s'] * (len(fields(Event)) + 2))})"
    f" ON CONFLICT ({EVENT}) DO UPDATE SET count = filsluss_securityevent.count + excluded.count"
)


def write(tallies: Mapping[Event, Tally]) -> None:
    """Adds counts to the rows, in one transaction and in one order, so that two writers never deadlock."""
    minute = SecurityEvent._meta.get_field("at")
    rows = [
        [minute.get_db_prep_save(event.at, connection), *astuple(event)[1:], tally.request_id, tally.count]
        for event, tally in sorted(tallies.items(), key=itemgetter(0))
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(ADD, rows)


class Writer:
    """Counts events in memory and writes them in a thread; `start` is called in each process that serves.

    A process that is killed loses what it has counted since the last time, FLUSH_SECONDS at most.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[Event, Tally] = {}
        self._minute: datetime | None = None
        self._seen: defaultdict[str, set[Event]] = defaultdict(set)
        self._pid = 0
        self._stop = threading.Event()

    def is_running(self) -> bool:
        return self._pid == os.getpid()

    def start(self) -> None:
        self._pid, self._stop = os.getpid(), threading.Event()
        threading.Thread(target=self._flush_repeatedly, name="security log", daemon=True).start()

    def stop(self) -> None:
        """Ends the thread and writes what is left."""
        self._stop.set()
        self.flush()
        connection.close()
        self._pid = 0

    def add(self, event: Event, tally: Tally) -> None:
        with self._lock:
            event = self._bounded(event)
            known = self._waiting.get(event)
            if known:
                known.count += tally.count
            elif len(self._waiting) < MOST_WAITING:
                self._waiting[event] = tally

    def _bounded(self, event: Event) -> Event:
        """The event, or the one that it counts as when its minute has too many different ones of its kind."""
        if event.at != self._minute:
            self._minute, self._seen = event.at, defaultdict(set)
        seen = self._seen[event.kind]
        if event not in seen and len(seen) >= KEYS_PER_KIND:
            return replace(event, network=ELSEWHERE, account="", transfer_public_id="")
        seen.add(event)
        return event

    def flush(self) -> None:
        """Writes what waits; keeps it if the database does not answer."""
        with self._lock:
            taken, self._waiting = self._waiting, {}
        if not taken:
            return
        try:
            write(taken)
        except DatabaseError as fault:
            log.error("the security log could not be written (%s); trying again", fault)
            for event, tally in taken.items():
                self.add(event, tally)
        else:
            for event, tally in taken.items():
                _log(event, tally)

    def _flush_repeatedly(self) -> None:
        while not self._stop.wait(FLUSH_SECONDS):
            self.flush()
            connection.close()


writer = Writer()


def _log(event: Event, tally: Tally) -> None:
    """One line. Without the network, which the proxy's log has under the same request id."""
    named = {"account": event.account, "person": event.person, "transfer": event.transfer_public_id}
    facts = {"kind": event.kind, "outcome": event.outcome, "count": str(tally.count)}
    facts |= {name: value for name, value in named.items() if value}
    log.info("security event", extra={"facts": {**facts, "first": tally.request_id}})

"""Forwarding headers of a peer that no setting names: behind such a proxy everybody is one network."""

import logging
import threading
import time
from datetime import UTC, datetime
from ipaddress import ip_address

from django.db import DatabaseError, connection

from filsluss.actions.heartbeat import UNNAMED_PROXY, record_heartbeat
from filsluss.conf.names import Name
from filsluss.rules.networks import parse_networks

log = logging.getLogger(__name__)

NOTE_SECONDS = 10.0
"""Between two notes of one process."""
HOUR, DAY = 3600.0, 86400.0
NEAR = parse_networks(
    "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,169.254.0.0/16,"
    "::1/128,fc00::/7,fe80::/10".split(",")
)
ENOUGH = 20
"""Requests of an hour before their share says anything."""


class ForwardingWatch:
    """Counts the requests of one process. Any client can send such a header, so one alone is no alarm."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hour_began = self._noted_at = self._logged_at = -DAY
        self._all = self._forwarded = 0

    def see(self, peer: str, *, forwards: bool) -> None:
        """A request of a peer that is not named; `forwards`: it carries a forwarding header."""
        now = time.monotonic()
        with self._lock:
            if now - self._hour_began > HOUR:
                self._hour_began, self._all, self._forwarded = now, 0, 0
            self._all, self._forwarded = self._all + 1, self._forwarded + forwards
            if not forwards:
                return
            is_proxy = is_private(peer) or (self._all >= ENOUGH and 2 * self._forwarded > self._all)
            notes = is_proxy and now - self._noted_at > NOTE_SECONDS
            logs = now - self._logged_at > DAY
            self._noted_at = now if notes else self._noted_at
            self._logged_at = now if logs else self._logged_at
        if logs:
            log.warning(
                f"a peer that {Name.TRUSTED_PROXIES} does not name sent a forwarding header",
                extra={"facts": {"peer": peer}},
            )
        if notes:
            note()


def note() -> None:
    """Leaves word for the worker, which raises the alarm `proxy`."""
    try:
        record_heartbeat(UNNAMED_PROXY, now=datetime.now(UTC))
    except DatabaseError:
        log.debug("the database is away: the next request will tell")
    finally:
        connection.close()


def is_private(peer: str) -> bool:
    """Whether it is on this machine or in a private network, where proxies stand."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return True
    return any(address in network for network in NEAR)


watch = ForwardingWatch()
